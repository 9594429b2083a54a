#pragma once

#include <cmath>

#include "../pair/comparison/mean_discrepancy.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "../pair/stage/polynomial.hpp"

DISTILL_NAMESPACE_BEGIN

/// Squared maximum mean discrepancy with a polynomial kernel.
///   value     mean k(s, s) + mean k(t, t) − 2 mean k(s, t),  k(x, y) = (factor ⟨x, y⟩ + offset)^degree
///   features  dz = 2 factor K' ∘ W z over both sets, W the weights 1/n_s², 1/n_t², −1/(n_s n_t)
/// degree 1 is the squared distance of the two means.
/// Features: n_s and n_t samples in rows, of the same width.
/// Source: Gretton et al. 2012, JMLR 13, eq. 5 (V-statistic).
struct polynomial_mmd {
  int degree = 2;  ///< 1 to 4
  double offset = 1;
  double factor = 1;  ///< 1/width keeps the kernel's size independent of it

  static constexpr item_kind items = item_kind::joined;
  static constexpr pair_info info{.name = "polynomial_mmd",
                                  .formula = "MMD² with k(x, y) = (a ⟨x, y⟩ + c)^p",
                                  .source = "Gretton et al. 2012, JMLR 13, eq. 5",
                                  .input = "samples × features",
                                  .systems = "NST",
                                  .same_width = true};

  void validate(const feature_shape&, const feature_shape&) const {
    if (degree < 1 || degree > 4) fail("polynomial_mmd: degree is ", degree, ", must be between 1 and 4");
    if (!(offset >= 0)) fail("polynomial_mmd: offset is ", offset, ", must not be negative");
  }
  auto representation() const {
    polynomial<5> kernel{};
    for (int p = 0, choose = 1; p <= degree && p < 5; choose = choose * (degree - p) / (p + 1), ++p)
      kernel.coefficients[static_cast<std::size_t>(p)] = choose * std::pow(offset, degree - p);
    return chain(gram{factor}, kernel);
  }
  auto comparison() const { return mean_discrepancy{}; }
};

DISTILL_NAMESPACE_END
