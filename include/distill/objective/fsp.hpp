#pragma once

#include <algorithm>

#include "../pair/objective.hpp"
#include "../pair/stage/flow.hpp"
#include "logit_mse.hpp"

DISTILL_NAMESPACE_BEGIN

/// Flow of solution procedure: how the channels of one stage of a network go with those of a later one.
///   value     mean_ji (M_s − M_t)²,  M_ji = mean over pixels of next_j · first_i
///   features  dfirst = dMᵀ next/pixels, dnext = dM first/pixels,  dM = 2 (M_s − M_t)/(C_next C_first)
/// Features: `student` and `student_next` are two stages of the student with as many pixels (pool the larger),
/// channels in rows; the teacher's likewise, with as many channels as the student's. Published weight 50.
/// Source: Yim et al. 2017, "A gift from knowledge distillation", CVPR, eq. 1 and 2.
struct fsp {
  static constexpr item_kind items = item_kind::stages;
  static constexpr pair_info info{.name = "fsp",
                                  .formula = "mean (M_s − M_t)², M = next · firstᵀ/pixels",
                                  .source = "Yim et al. 2017, CVPR, eq. 2",
                                  .input = "channels × pixels, two stages a side",
                                  .systems = "FSP"};

  auto representation(const feature_shape& first) const {
    return chain(flow{first.rows, 1 / static_cast<double>(std::max<index>(1, first.columns))});
  }
  auto representation(const feature_shape& own, const feature_shape&) const { return representation(own); }
  auto comparison() const { return by_rows(logit_mse{}); }
};

DISTILL_NAMESPACE_END
