#pragma once

#include "../pair/algebra.hpp"
#include "relational_angle.hpp"
#include "relational_distance.hpp"

DISTILL_NAMESPACE_BEGIN

/// Relational knowledge distillation: distances between samples and angles at each, in the published mix.
///   value     distance · relational_distance + angle · relational_angle
/// Features: n samples in rows, of any width on each side; O(n³ d) time, O(n²) memory. With weight 0 a part is not
/// computed.
/// Source: Park et al. 2019, arXiv 1904.05068, eq. 3 to 7; weights as in the paper's §4.2.
struct rkd {
  double distance = 25, angle = 50;

  static constexpr pair_info info{.name = "rkd",
                                  .formula = "25 relational_distance + 50 relational_angle",
                                  .source = "Park et al. 2019, arXiv 1904.05068",
                                  .input = "samples × features",
                                  .systems = "RKD"};

  auto expression() const { return distance * relational_distance{} + angle * relational_angle{}; }
};

DISTILL_NAMESPACE_END
