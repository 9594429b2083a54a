// Logarithms of the probabilities of a row.
#pragma once

#include <algorithm>
#include <limits>

#include "../config.hpp"
#include "../core/parallel.hpp"
#include "detail/softmax_row.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y_j = x_j − log Σ_k e^(x_k) over the last extent, any shape. dx = dy − e^y Σ dy.
/// Masked elements (−inf) stay −inf, as does a row of nothing else. NaN or +inf make their row NaN.
template <class T>
class log_softmax : public layer<T> {
 public:
  log_softmax() : layer<T>("log_softmax") {}

  /// @throws argument_error  an input without extents, or whose last is 0
  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const index last = x.shape.rank() == 0 ? 0 : x.shape[x.shape.rank() - 1];
    if (last < 1) this->fail_shape(x.shape, "…×at least 1");
    const tensor_view<T> y = t.allocate(x.shape);
    distill::detail::for_row_pieces(x.size() / last, x.size(), t.resources(), [&](index first, index end) {
      for (index at = first * last; at < end * last; at += last) row(x.data + at, last, y.data + at);
    });
    return t.record(y, {input}, [last](tape<T>& on, variable self) {
      const gradient_slot<T> slot = on.claim_gradient(on.input(self, 0));
      const T *out = on.value(self).data, *dy = on.gradient(self).data;
      const index size = slot.view.size();
      distill::detail::for_row_pieces(size / last, size, on.resources(), [&](index first, index end) {
        for (index at = first * last; at < end * last; at += last)
          row_back(out + at, dy + at, last, slot.view.data + at, slot.accumulate);
      });
    });
  }

 private:
  static void row(const T* x, index size, T* y) {
    const auto [largest, sum] = detail::shifted_exponentials(x, size, y);
    if (sum == 0) {
      std::fill_n(y, size, -std::numeric_limits<T>::infinity());
      return;
    }
    // Both are subtracted: their sum would lose digits of the logarithm where the largest logit is large.
    const simd<T> most(largest), rest(static_cast<T>(natural_log(sum)));
    distill::detail::sweep<T>(
        size, [&](simd<T>& to, const simd<T>& v) DISTILL_LAMBDA_INLINE { to = (v - most) - rest; }, y, x);
  }
  static void row_back(const T* y, const T* dy, index size, T* dx, bool add) {
    const simd<T> sum(static_cast<T>(distill::detail::sum(dy, size)));
    detail::write_or_add(
        size, add,
        [&](const simd<T>& l, const simd<T>& g) DISTILL_LAMBDA_INLINE { return g - exp_nonpositive(l) * sum; }, dx, y,
        dy);
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
