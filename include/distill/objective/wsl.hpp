#pragma once

#include <array>
#include <cmath>

#include "../row/adaptor.hpp"
#include "../row/algebra.hpp"
#include "../row/combine.hpp"
#include "../row/objective.hpp"
#include "cross_entropy.hpp"
#include "detail/rest.hpp"
#include "soft_cross_entropy.hpp"

DISTILL_NAMESPACE_BEGIN

/// Weighted soft labels: the soft loss counts where the student is further from the label than the teacher.
///   value     w T² [-Σ p_t log p_s],  w = 1 - exp(-CE_s/CE_t), cross-entropies with the label at temperature 1
///   student   w T (p_s - p_t); w is constant
/// A teacher that is certain (CE_t = 0) gives w = 1, unless the student is as well; one that masks the label gives w =
/// 0. Rows with label `ignore_index` do not take part. Source: Zhou et al. 2021, arXiv 2102.00650 (α is the weight in
/// the sum).
struct wsl {
  index ignore_index = -100;
  row_parameter temperature = 2;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "wsl",
                                       .formula = "(1 − exp(−CE_s/CE_t)) T² [−Σ p_t log p_s]",
                                       .source = "Zhou et al. 2021, arXiv 2102.00650",
                                       .gradient = "w T (p_s − p_t), w constant",
                                       .systems = "WSL",
                                       .uses_labels = true,
                                       .zero_at_equality = false,
                                       .whole_derivative = false};

  struct regret {
    template <class Number>
    Number operator()(const std::array<Number, 2>& v) const {
      using std::expm1, std::isinf, std::isnan;
      if (isnan(v[0]) || isnan(v[1])) return v[0] + v[1];
      return v[0] == 0 || isinf(v[1]) ? Number(0) : -expm1(-v[0] / v[1]);
    }
  };
  auto expression() const {
    const cross_entropy hard{.ignore_index = ignore_index};
    const auto teachers = substituted(input::student, row_mix::of(input::teacher), hard);
    return weighted_by(regret{}, detail::labelled<soft_cross_entropy>{{temperature, scaling}, ignore_index}, hard,
                       teachers.template get<0>().leaf);
  }
};

DISTILL_NAMESPACE_END
