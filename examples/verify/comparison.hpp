// How far one gradient is from another.
#pragma once

#include <algorithm>
#include <cmath>
#include <distill/core/matrix_view.hpp>
#include <distill/io/npy.hpp>
#include <limits>
#include <string>
#include <vector>

namespace verify {

using distill::index;

/// A number type that gradients are stored in: the distance from 1 to the next number, and the smallest one.
struct precision {
  const char* name;
  double epsilon, smallest;
};
inline precision precision_of(distill::npy_type type) {
  switch (type) {
    case distill::npy_type::float16: return {"float16", 0x1p-10, 0x1p-24};
    case distill::npy_type::float32: return {"float32", 0x1p-23, 0x1p-149};
    default: return {"float64", 0x1p-52, 0x1p-1074};
  }
}

struct comparison {
  double relative = 0;  ///< |theirs - ours| / |ours|, Euclidean
  double factor = 1;    ///< the multiple of ours that comes nearest to theirs
  double residual = 0;  ///< |theirs - factor · ours| / |theirs|
  std::size_t worst = 0;
  double worst_ulp = 0;
  std::size_t not_finite = 0;  ///< entries that are infinite or NaN on one side and differ
};

/// `scale`: for each entry, the size of the numbers whose difference it is. An entry's error is measured in units of
/// the last place of the entry or of that scale, whichever is larger.
inline comparison compare(const std::vector<double>& theirs, const std::vector<double>& ours,
                          const std::vector<double>& scale, const precision& type) {
  comparison result;
  double error = 0, own = 0, product = 0, other = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double a = theirs[i], b = ours[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) {
      if (std::isfinite(a)) own += b * b, other += a * a, product += a * b;
      continue;
    }
    double ulp = std::numeric_limits<double>::infinity();
    if (std::isfinite(a) && std::isfinite(b)) {
      error += (a - b) * (a - b);
      own += b * b, other += a * a, product += a * b;
      ulp = std::abs(a - b) / std::max(type.epsilon * std::max(std::abs(b), scale[i]), type.smallest);
    } else {
      ++result.not_finite;
    }
    if (ulp > result.worst_ulp) result.worst_ulp = ulp, result.worst = i;
  }
  const auto ratio = [](double a, double b) { return a == 0 ? 0 : std::sqrt(a / b); };
  result.relative = ratio(error, own);
  if (own > 0 && other > 0) {
    result.factor = product / own;
    result.residual = ratio(std::max(0.0, other - result.factor * product), other);
  }
  return result;
}

/// softmax(z / temperature) of one row, in place.
inline void softmax(double* z, index columns, double temperature) {
  const double top = *std::max_element(z, z + columns);
  double sum = 0;
  for (index c = 0; c < columns; ++c) sum += z[c] = std::exp((z[c] - top) / temperature);
  for (index c = 0; c < columns; ++c) z[c] /= sum;
}

}  // namespace verify
