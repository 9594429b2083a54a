#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "squared_distance.hpp"

DISTILL_NAMESPACE_BEGIN

/// Inter-channel correlation: which channels of a map go together, as rows of their Gram matrix at length 1.
///   value     Σ_ij (Ĝ_s − Ĝ_t)²/C,  G = F Fᵀ over the pixels, Ĝ its rows over their lengths
///   features  as similarity_preserving, within one sample
/// A channel without activation has no correlation: its row is 0 and gets no gradient.
/// Features: one item a sample (`channel_maps`), C channels in rows on both sides, any number of pixels.
/// Source: Liu et al. 2021 (ICKD), arXiv 2103.10367, eq. 2 and 3; lliai/DisWOT-CVPR2023, ICKD.py.
struct channel_correlation {
  static constexpr pair_info info{.name = "channel_correlation",
                                  .formula = "‖Ĝ_s − Ĝ_t‖²/C, G = FFᵀ between channels, rows at length 1",
                                  .source = "Liu et al. 2021 (ICKD), arXiv 2103.10367, eq. 3",
                                  .input = "channels × pixels",
                                  .systems = "ICKD, DisWOT's semantic score"};

  auto representation() const { return chain(gram{}, unit_rows{}); }
  auto comparison() const { return by_rows(squared_distance{}); }
};

DISTILL_NAMESPACE_END
