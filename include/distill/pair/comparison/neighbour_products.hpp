// Differences of consecutive rows, multiplied.
#pragma once

#include <cmath>

#include "../../config.hpp"
#include "../comparison.hpp"

DISTILL_NAMESPACE_BEGIN

/// Σ_{i < n − 1} Σ_c |δ_i,c| |δ_i+1,c|/(n − 1), δ = student − teacher; 0 for one row.
struct neighbour_products {
  void validate(const feature_shape& student, const feature_shape& teacher) const {
    detail::check_same_shape(student, teacher);
  }
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>&, const execution&) const {
    const index rows = m.student.rows, columns = m.student.columns;
    const double share = rows > 1 ? 1 / static_cast<double>(rows - 1) : 0;
    const auto size = [&](index r, index c) {
      return r < 0 || r >= rows ? 0.0 : std::abs(static_cast<double>(m.student(r, c) - m.teacher(r, c)));
    };
    double value = 0;
    for (index r = 0; r < rows; ++r)
      for (index c = 0; c < columns; ++c) {
        const T difference = m.student(r, c) - m.teacher(r, c);
        value += size(r, c) * size(r + 1, c);
        const double sign = difference > 0 ? 1 : difference < 0 ? -1 : 0;
        const double slope = share * sign * (size(r - 1, c) + size(r + 1, c));
        if (m.to_student) m.to_student(r, c) = static_cast<T>(slope);
        if (m.to_teacher) m.to_teacher(r, c) = static_cast<T>(-slope);
      }
    return rows > 1 ? value * share : value;
  }
};

DISTILL_NAMESPACE_END
