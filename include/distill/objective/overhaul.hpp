#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/clamped_below.hpp"
#include "partial_squared_distance.hpp"

DISTILL_NAMESPACE_BEGIN

/// Overhaul of feature distillation: features before the ReLU, the teacher's through a margin ReLU, where the student's
/// matters.
///   value     Σ (s − t̄)² [s > t̄ or t > 0] over everything in an item,  t̄ = max(t, m_c)
///   student   2 (s − t̄) on the same entries;  teacher the negative of that where t > m_c
/// Features: channel_maps of one shape, channels in rows, pixels in columns; s from the student's connector. Margins:
/// one a channel, from ofd_margin of the teacher's batch normalisation, or one for all; ≤ 0. Published weight of a
/// stage 1e-3/2^(stages − 1 − stage).
/// @throws argument_error  a margin above 0 or NaN; neither one margin nor one a channel
/// Source: Heo et al. 2019 (OFD), arXiv 1904.01866.
struct overhaul {
  row_parameter margins = 0;

  static constexpr pair_info info{.name = "overhaul",
                                  .formula = "Σ (s − t̄)² [s > t̄ or t > 0], t̄ = max(t, m_c)",
                                  .source = "Heo et al. 2019 (OFD), arXiv 1904.01866",
                                  .input = "channels × pixels, before the ReLU",
                                  .systems = "OFD",
                                  .same_width = true,
                                  .smooth = false};

  void validate(const feature_shape& student, const feature_shape&) const {
    margins.require_rows("margins", student.rows);
    for (index c = 0; c < (margins.varies() ? student.rows : 1); ++c)
      if (!(margins[c] <= 0)) fail("margins[", c, "] is ", margins[c], ", must not be positive");
  }
  auto representation() const { return chain(); }
  auto teacher_representation(const feature_shape&, const feature_shape&) const {
    return chain(clamped_below{margins});
  }
  auto comparison() const { return by_rows(partial_squared_distance{}, row_total::sum); }
};

DISTILL_NAMESPACE_END
