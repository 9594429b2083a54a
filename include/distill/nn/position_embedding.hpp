// A vector for each place of a sequence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../config.hpp"
#include "../core/parallel.hpp"
#include "../core/random.hpp"
#include "../core/sweep.hpp"
#include "detail/pieces.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y[n] = x[n] + W with x of shape batch × tokens × width and W of tokens × width. dx = dy, dW += Σ over the batch of
/// dy, in its order. W starts normal with standard deviation 0.02, from stream 0 of the seed.
template <class T>
class position_embedding : public layer<T> {
 public:
  /// @throws argument_error  tokens or width below 1
  position_embedding(index tokens, index width, std::uint64_t seed)
      : layer<T>("position_embedding(" + std::to_string(tokens) + ", " + std::to_string(width) + ")"),
        weight_("weight", checked(tokens, width)) {
    const random_stream random(seed);
    for (index i = 0; i < weight_.size(); ++i)
      weight_.value().data[i] = static_cast<T>(0.02 * random.normal(static_cast<std::uint64_t>(i)));
  }

  parameter<T>& weight() { return weight_; }
  std::vector<parameter<T>*> parameters() override { return {&weight_}; }

  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const tensor_shape& w = weight_.shape();
    if (x.shape.rank() != 3 || x.shape[1] != w[0] || x.shape[2] != w[1])
      this->fail_shape(x.shape, "batch×" + std::to_string(w[0]) + "×" + std::to_string(w[1]));
    const parameter_view<T> weight = t.read(weight_);
    const tensor_view<T> y = t.allocate(x.shape);
    const index size = weight_.size(), batch = x.shape[0];
    parallel_for(batch, t.threads(x.size()), [&](index n, int) {
      distill::detail::sweep<T>(
          size, [](simd<T>& to, const simd<T>& a, const simd<T>& b) DISTILL_LAMBDA_INLINE { to = a + b; },
          y.data + n * size, x.data + n * size, weight.value);
    });
    return t.record(
        y, {input},
        [=](tape<T>& on, variable self) {
          detail::pass_gradient(on, self);
          if (weight.gradient == nullptr) return;
          const T* dy = on.gradient(self).data;
          distill::detail::for_column_runs(batch, size, on.resources(), [&](index first, index count) {
            for (index n = 0; n < batch; ++n)
              distill::detail::add_to(weight.gradient + first, dy + n * size + first, count);
          });
        },
        weight.gradient != nullptr);
  }

 private:
  static tensor_shape checked(index tokens, index width) {
    if (tokens < 1 || width < 1)
      fail("position_embedding: tokens × width is ", tokens, "×", width, ", at least 1×1 expected");
    return {tokens, width};
  }

  parameter<T> weight_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
