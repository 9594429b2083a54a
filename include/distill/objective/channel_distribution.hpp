#pragma once

#include "../pair/objective.hpp"
#include "kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// Channel-wise distillation: where in the image each channel is active, as a distribution over the pixels.
///   value     T²/C Σ_c KL(softmax_T over pixels of t_c ‖ of s_c)
///   student   T (σ_T(s) − σ_T(t))/C;  teacher as in kl
/// Features: channel_maps, channels in rows, pixels in columns. A pixel that both mask (−inf) counts as absent; a
/// constant added to a channel changes nothing.
/// Source: Shu et al. 2021 (CWD), arXiv 2011.13256.
struct channel_distribution {
  double temperature = 1;

  static constexpr pair_info info{.name = "channel_distribution",
                                  .formula = "T²/C Σ_c KL(σ_T(t_c) ‖ σ_T(s_c)), softmaxes over pixels",
                                  .source = "Shu et al. 2021 (CWD), arXiv 2011.13256",
                                  .input = "channels × pixels",
                                  .systems = "CWD, TransKD, BPKD body",
                                  .same_width = true};

  auto representation() const { return chain(); }
  auto comparison() const { return by_rows(kl{.temperature = temperature}); }
};

DISTILL_NAMESPACE_END
