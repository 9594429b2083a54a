#pragma once

#include <algorithm>

#include "../pair/objective.hpp"
#include "../pair/stage/adaptive_pooling.hpp"
#include "../pair/stage/attention_map.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "logit_mse.hpp"

DISTILL_NAMESPACE_BEGIN

/// Attention transfer: the student is active where the teacher is.
///   value     mean over pixels of (Q_s − Q_t)²,  Q = A/‖A‖,  A = mean over channels of |f|^power
///   features  dQ = 2 (Q_s − Q_t)/pixels, through the length: dA = (dQ − Q ⟨Q, dQ⟩)/‖A‖, df = dA p |f|^(p − 1)
///   sign(f)/C
/// Features: channel_maps, channels in rows, pixels in columns; any number of channels on each side. Along each axis
/// the larger map is averaged over the cells of the smaller one first. Features of any scale (1e10 in float too)
/// neither overflow nor vanish. A map of zeros has Q = 0 and gets no gradient. Published weight 1000.
/// @throws argument_error  power ≤ 0; features that are no maps and have different numbers of columns
/// Source: Zagoruyko and Komodakis 2017, arXiv 1612.03928, eq. 2, as coded (a mean of squares; |f|^p, where code has
/// f^p).
struct attention_transfer {
  double power = 2;

  static constexpr pair_info info{.name = "attention_transfer",
                                  .formula = "mean (Q_s − Q_t)², Q the map mean_c |f|^p at length 1",
                                  .source = "Zagoruyko and Komodakis 2017, arXiv 1612.03928, eq. 2, as coded",
                                  .input = "channels × pixels",
                                  .systems = "AT"};

  auto representation(const feature_shape& own, const feature_shape& other) const {
    const bool maps = own.height > 0 && other.height > 0;
    const index height = maps ? std::min(own.height, other.height) : own.height;
    const index width = maps ? std::min(own.width, other.width) : own.width;
    return chain(adaptive_pooling{own.height, own.width, height, width}, attention_map{power}, unit_rows{});
  }
  auto comparison() const { return by_rows(logit_mse{}); }
};

DISTILL_NAMESPACE_END
