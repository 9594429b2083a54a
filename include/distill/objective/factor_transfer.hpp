#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/flattened.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "absolute_error.hpp"
#include "squared_distance.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

struct factor_comparison {
  bool squared;

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    check_same_shape(student, teacher);
  }
  template <class T>
  double compare(const compared_matrices<T>& m, pair_scratch<T>& scratch, const execution& how) const {
    return squared ? by_rows(squared_distance{}).compare(m, scratch, how)
                   : by_rows(absolute_error{}).compare(m, scratch, how);
  }
};

}  // namespace detail

/// Factor transfer: what the translator makes of the student is what the paraphraser makes of the teacher, but for its
/// size.
///   value     mean |F̂_s − F̂_t|, or with `squared` Σ (F̂_s − F̂_t)²;  F̂ = F/‖F‖, the whole item at length 1
///   features  dF = (dF̂ − F̂ ⟨F̂, dF̂⟩)/‖F‖,  dF̂ = sign(F̂_s − F̂_t)/size or 2 (F̂_s − F̂_t)
/// Features: factors of one shape, any matrices. A factor of zeros stays 0 and gets no gradient. Published weight 200.
/// Source: Kim et al. 2018, arXiv 1802.04977, with p = 1 (2), the norm a mean as coded.
struct factor_transfer {
  bool squared = false;

  static constexpr pair_info info{.name = "factor_transfer",
                                  .formula = "mean |F̂_s − F̂_t|, F̂ = F/‖F‖",
                                  .source = "Kim et al. 2018, arXiv 1802.04977",
                                  .input = "any matrices of one shape",
                                  .systems = "FT",
                                  .same_width = true,
                                  .smooth = false};

  auto representation() const { return chain(flattened{}, unit_rows{}); }
  auto comparison() const { return detail::factor_comparison{squared}; }
};

DISTILL_NAMESPACE_END
