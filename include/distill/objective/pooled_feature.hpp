#pragma once

#include "../pair/comparison/row_mean_gap.hpp"
#include "../pair/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// The pooled features agree: SRRL's first term.
///   value     mean over channels of (mean over pixels of s − mean over pixels of t)²
///   features  2 (s̄_c − t̄_c)/(channels · pixels) at every pixel, and the negative of that
/// Features: channel_maps, channels in rows, pixels in columns; the maps may differ in size. An offset that
/// both share costs no digits.
/// Source: Yang et al. 2021 (SRRL), ICLR 2021, as coded.
struct pooled_feature {
  static constexpr pair_info info{.name = "pooled_feature",
                                  .formula = "mean_c (s̄_c − t̄_c)², a bar the mean over pixels",
                                  .source = "Yang et al. 2021 (SRRL), ICLR 2021",
                                  .input = "channels × pixels",
                                  .systems = "SRRL"};

  auto representation() const { return chain(); }
  auto comparison() const { return row_mean_gap{}; }
};

DISTILL_NAMESPACE_END
