// Rows of a table, by number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "../config.hpp"
#include "../core/dual.hpp"
#include "../core/parallel.hpp"
#include "../core/random.hpp"
#include "../core/sweep.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// The standard deviation of the first values, and an id whose row is zero and stays so (−1: none).
struct embedding_options {
  double deviation = 1;
  index padding = -1;
};

/// y[i] = W[id_i] with W of shape ids × width. dW[id_i] += dy[i], in the order of i.
/// W starts normal with mean 0, from stream 0 of the seed.
template <class T>
class embedding : public layer<T> {
 public:
  /// @throws argument_error  ids or width below 1, padding not an id
  embedding(index ids, index width, std::uint64_t seed, embedding_options options = {})
      : layer<T>("embedding(" + std::to_string(ids) + ", " + std::to_string(width) + ")"),
        weight_("weight", checked(ids, width, options)),
        padding_(options.padding) {
    const random_stream random(seed);
    for (index i = 0; i < weight_.size(); ++i)
      weight_.value().data[i] = i / width == padding_
                                    ? T(0)
                                    : static_cast<T>(options.deviation * random.normal(static_cast<std::uint64_t>(i)));
  }

  parameter<T>& weight() { return weight_; }
  std::vector<parameter<T>*> parameters() override { return {&weight_}; }

  /// ids × width; with `length`, texts of that many ids: (ids/length) × length × width. The ids are copied.
  /// @throws argument_error  an id that W has no row for, ids that are not whole texts
  variable forward(tape<T>& t, const index_view& ids, index length = 0) const {
    const index width = weight_.shape()[1];
    if (length < 0 || (length > 0 && ids.size() % length != 0))
      fail(this->name, ": ", ids.size(), " ids given, a multiple of ", length, " expected");
    return look_up(
        t, ids.size(), [&](index i) { return ids[i]; },
        length > 0 ? tensor_shape{ids.size() / length, length, width} : tensor_shape{ids.size(), width});
  }
  /// For use among other layers: the ids are the values of `input`, of shape batch or batch × length. No gradient goes
  /// back to them. @throws argument_error  a value that is not the number of a row
  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const index width = weight_.shape()[1];
    if (x.shape.rank() != 1 && x.shape.rank() != 2) this->fail_shape(x.shape, "batch×length");
    const auto id = [&](index i) {
      const auto number = static_cast<double>(value_of(x.data[i]));
      const bool in_range = number >= 0 && number < static_cast<double>(weight_.shape()[0]);
      const index row = in_range ? static_cast<index>(number) : -1;
      return static_cast<double>(row) == number ? row : -1;
    };
    return look_up(t, x.size(), id,
                   x.shape.rank() == 1 ? tensor_shape{x.shape[0], width} : tensor_shape{x.shape[0], x.shape[1], width});
  }

 private:
  static tensor_shape checked(index ids, index width, const embedding_options& options) {
    if (ids < 1 || width < 1) fail("embedding: ids × width is ", ids, "×", width, ", at least 1×1 expected");
    if (options.padding < -1 || options.padding >= ids)
      fail("embedding: padding is ", options.padding, ", -1 or an id below ", ids, " expected");
    return {ids, width};
  }

  template <class Id>
  variable look_up(tape<T>& t, index count, const Id& id, const tensor_shape& shape) const {
    index* rows = t.memory().template take<index>(count);
    for (index i = 0; i < count; ++i) {
      rows[i] = id(i);
      if (rows[i] < 0 || rows[i] >= weight_.shape()[0])
        fail(this->name, ": id ", i, " is ", rows[i], ", 0 to ", weight_.shape()[0] - 1, " expected");
    }
    const parameter_view<T> weight = t.read(weight_);
    const index width = weight_.shape()[1], padding = padding_;
    const tensor_view<T> y = t.allocate(shape);
    distill::detail::for_row_pieces(count, y.size(), t.resources(), [&](index first, index last) {
      for (index i = first; i < last; ++i) std::copy_n(weight.value + rows[i] * width, width, y.data + i * width);
    });
    return t.record(
        y, {},
        [=](tape<T>& on, variable self) {
          const T* dy = on.gradient(self).data;
          distill::detail::for_column_runs(count, width, on.resources(), [&](index column, index columns) {
            for (index i = 0; i < count; ++i)
              if (rows[i] != padding)
                distill::detail::add_to(weight.gradient + rows[i] * width + column, dy + i * width + column, columns);
          });
        },
        weight.gradient != nullptr);
  }

  parameter<T> weight_;
  index padding_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
