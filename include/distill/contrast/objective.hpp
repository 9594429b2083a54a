// What a contrastive objective is: a row objective on the cosines between rows, and who meets whom.
#pragma once

#include <concepts>

#include "../config.hpp"
#include "../pair/objective.hpp"
#include "../row/algebra.hpp"

DISTILL_NAMESPACE_BEGIN

/// Which rows meet which, and which of them belong together.
enum class contrast_scheme {
  pairs,    ///< an anchor meets all keys, then the queue; its positive is the key of its number, or of its label
  views,    ///< two views of each sample in one batch, every row meets all others; its positive is the other view
  classes,  ///< every row meets all others; those of its label are its positives
  targets,  ///< an anchor meets all keys, then the queue; how its own key meets them is what it should do
};

/// Whose softmaxes are taken: each anchor's over the keys, or also each key's over the anchors, added or averaged.
enum class contrast_directions { anchors, sum_of_both, mean_of_both };

/// Mathematics and hyper-parameters; contrast/evaluate.hpp runs the loops. An aggregate with
///   static constexpr pair_info info{...}
///   static constexpr contrast_scheme scheme
///   auto rows() const             the row objective, with a temperature, on an anchor's cosines with its keys
/// Optional members:
///   double weight() const         of the value; default 1
///   double weight_slope() const   its derivative with respect to the temperature; default 0
///   void validate() const         throws argument_error
///   contrast_directions directions  where the scheme is pairs
template <class O>
concept contrast_objective = requires(const O o) {
  { O::info } -> std::convertible_to<pair_info>;
  { O::scheme } -> std::convertible_to<contrast_scheme>;
  { o.rows().temperature } -> std::convertible_to<row_parameter>;
  requires row_leaf<decltype(o.rows())>;
};

DISTILL_NAMESPACE_END
