// Weights that depend on the whole batch, with gradient.
#pragma once

#include <vector>

#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// Class-relation weighting: rows count by the student's probability of the known classes, normalised over the batch.
///   L = (1/M) Σ_i w_i H_i,  w_i = W_i / mean W;  ∂L/∂H_i = w_i/M,  ∂L/∂W_i = (H_i - L)/(M mean W)
/// H is the loss on the known classes (leaf 0), W their mass (leaf 1): the weights have a gradient.
///   const auto both = over_classes(known, soft_cross_entropy{T}) + class_mass{known, T};
///   values(both, in, table);
///   const class_relation relation(table);
///   gradient(both, in, table, relation.coefficients(), {.student = dz});
/// Rows whose label in `taking_part` is 0 are left out. Without any row, or with no mass on the known classes anywhere,
/// the value is 0 and so are the coefficients. Source: Gu et al. 2023 (Cr-KD-NCD), arXiv 2307.09158, as coded (the
/// weight is not detached).
class class_relation {
 public:
  template <class Table>
  explicit class_relation(const Table& table, const index_view& taking_part = {}) : rows_(table.rows()) {
    static_assert(Table::leaves == 2, "leaf 0 is the loss, leaf 1 the mass of the known classes");
    if (taking_part && taking_part.size() != rows_)
      fail("class_relation: taking_part has ", taking_part.size(), " entries, the table has ", rows_, " rows");
    const auto counts = [&](index r) { return !taking_part || taking_part[r] != 0; };
    coefficients_.assign(static_cast<std::size_t>(2 * rows_), 0.0);
    double total = 0;
    for (index r = 0; r < rows_; ++r)
      if (counts(r)) total += table(r, 1);
    if (!(total > 0)) return;
    for (index r = 0; r < rows_; ++r)
      if (counts(r)) value_ += table(r, 1) / total * table(r, 0);
    for (index r = 0; r < rows_; ++r) {
      if (!counts(r)) continue;
      coefficients_[static_cast<std::size_t>(2 * r)] = table(r, 1) / total;
      coefficients_[static_cast<std::size_t>(2 * r + 1)] = (table(r, 0) - value_) / total;
    }
  }

  double value() const { return value_; }
  /// rows × 2, for gradient().
  matrix_view<const double> coefficients() const { return {coefficients_.data(), rows_, 2}; }

 private:
  index rows_;
  double value_ = 0;
  std::vector<double> coefficients_;
};

DISTILL_NAMESPACE_END
