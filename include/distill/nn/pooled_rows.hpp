// A feature of any kind as one row for each sample.
#pragma once

#include "../config.hpp"
#include "global_average_pool.hpp"
#include "layer.hpp"
#include "mean_over_tokens.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// batch×channels×height×width is averaged over the pixels, batch×tokens×width over the tokens; rows are what they are.
/// The feature of networks of different kinds in a form that can be compared.
template <class T>
class pooled_rows : public layer<T> {
 public:
  pooled_rows() : layer<T>("pooled_rows") {}

  /// Of the result for such an input.
  static index width(const tensor_shape& input) { return input.rank() == 3 ? input[2] : input[1]; }

  /// @throws argument_error  an input of other than two to four extents
  variable forward(tape<T>& t, variable input) const override {
    switch (t.shape(input).rank()) {
      case 4: return over_pixels_.forward(t, input);
      case 3: return over_tokens_.forward(t, input);
      case 2: return input;
      default: this->fail_shape(t.shape(input), "two to four extents");
    }
  }

 private:
  global_average_pool<T> over_pixels_;
  mean_over_tokens<T> over_tokens_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
