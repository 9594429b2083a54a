// A tap of any kind as one row of features for each sample.
#pragma once

#include "../../config.hpp"
#include "../../nn/global_average_pool.hpp"
#include "../../nn/mean_over_tokens.hpp"
#include "../../nn/tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes::detail {

/// The width of those rows.
inline index pooled_width(const nn::tensor_shape& tap) { return tap.rank() == 3 ? tap[2] : tap[1]; }

/// Maps are averaged over their pixels, sequences over their tokens, rows are what they are.
template <class T>
class pooled_rows {
 public:
  nn::variable operator()(nn::tape<T>& tape, nn::variable tap) const {
    switch (tape.shape(tap).rank()) {
      case 4: return over_pixels_.forward(tape, tap);
      case 3: return over_tokens_.forward(tape, tap);
      default: return tap;
    }
  }

 private:
  nn::global_average_pool<T> over_pixels_;
  nn::mean_over_tokens<T> over_tokens_;
};

}  // namespace recipes::detail
DISTILL_NAMESPACE_END
