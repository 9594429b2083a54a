#pragma once

#include "../pair/comparison/mean_square.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/difference_pyramid.hpp"

DISTILL_NAMESPACE_BEGIN

/// ReviewKD's hierarchical context loss: maps compared at full size and averaged over 4×4, 2×2 and 1×1 cells.
///   value     Σ_l w_l mean (P_l s − P_l t)² / Σ_l w_l,  w = 1 for the map itself, then ½, ¼, ⅛ for the levels that are
///             lower than the map (one that is not takes no weight)
///   features  Σ_l w_l/Σw · P_lᵀ 2 (P_l s − P_l t)/n_l, and the negative of that
/// Features: channel_maps of one shape, channels in rows, pixels in columns; one stage of the network a call.
/// @throws argument_error  features that are no maps, or maps of different shapes
/// Source: Chen et al. 2021 (ReviewKD), arXiv 2104.09044, as coded (hcl).
struct review_hcl {
  static constexpr pair_info info{.name = "review_hcl",
                                  .formula = "Σ_l w_l mean (P_l s − P_l t)²/Σ w_l, P_l pooling to 4×4, 2×2, 1×1",
                                  .source = "Chen et al. 2021, arXiv 2104.09044, as coded",
                                  .input = "channels × pixels",
                                  .systems = "ReviewKD, TransKD",
                                  .same_width = true};

  static constexpr item_kind items = item_kind::joined;  // the difference is what is pooled: it keeps its digits

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    if (student.rows != teacher.rows) fail("student has ", student.rows, " rows, teacher has ", teacher.rows);
    detail::check_map("student", student);
    detail::check_map("teacher", teacher);
    if (student.height != teacher.height || student.width != teacher.width)
      fail("student has maps of ", student.height, " x ", student.width, ", teacher of ", teacher.height, " x ",
           teacher.width);
  }
  auto representation(const feature_shape& own, const feature_shape&) const {
    return chain(difference_pyramid{own.height, own.width});
  }
  auto comparison() const { return mean_square{}; }
};

DISTILL_NAMESPACE_END
