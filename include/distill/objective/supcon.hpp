#pragma once

#include <limits>

#include "../contrast/objective.hpp"
#include "../contrast/soft_target.hpp"

DISTILL_NAMESPACE_BEGIN

/// Supervised contrast: every row should find all rows of its label among all others.
///   value     mean_i −(τ/τ₀) (1/|P_i|) Σ_{p∈P_i} log softmax_{j≠i}(⟨x̂_i, x̂_j⟩/τ)[p],  P_i the others of i's label
///   features  D = (G + Gᵀ) X̂,  G_ij = (softmax_ij − 1[j∈P_i]/|P_i|)/(nτ₀), then back through the lengths
///   τ         through τ/τ₀ as well; τ₀ is constant
/// A row without positives contributes 0 but stays in the mean: all labels different, value 0. Rows: those of
/// `anchors`, then those of `keys` (another view, may be empty); labels: any integers, one a row, or one for the rows
/// of the same number in both.
///
/// Source: Khosla et al. 2020, arXiv 2004.11362, eq. 2 (the mean outside the logarithm); τ/τ₀ as in its code.
struct supcon {
  double temperature = 0.07;
  double base_temperature = 0.07;

  static constexpr contrast_scheme scheme = contrast_scheme::classes;
  static constexpr pair_info info{.name = "supcon",
                                  .formula = "mean_i −(τ/τ₀) mean_{p∈P_i} log softmax_{j≠i}(⟨x̂_i, x̂_j⟩/τ)[p]",
                                  .source = "Khosla et al. 2020, arXiv 2004.11362, eq. 2",
                                  .input = "samples × features, with labels",
                                  .systems = "FedLGD",
                                  .zero_at_equality = false,
                                  .same_width = true};

  void validate() const {
    if (!(base_temperature > 0 && base_temperature <= std::numeric_limits<double>::max()))
      fail("supcon: base_temperature is ", base_temperature, ", must be positive and finite");
  }
  auto rows() const { return detail::soft_target{.temperature = temperature}; }
  double weight() const { return temperature / base_temperature; }
  double weight_slope() const { return 1 / base_temperature; }
};

DISTILL_NAMESPACE_END
