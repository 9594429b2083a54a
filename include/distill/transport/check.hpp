// What a transport problem must be, checked before anything is written.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../config.hpp"
#include "../core/error.hpp"
#include "options.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// How far Σ a and Σ b may lie apart, relative to them: masses that were normalised in float.
inline constexpr double mass_tolerance = 1e-5;

inline void check_options(const sinkhorn_options& o) {
  if (!(o.epsilon > 0 && std::isfinite(o.epsilon)))
    fail("sinkhorn: epsilon is ", o.epsilon, ", must be positive and finite");
  if (o.iterations < 1) fail("sinkhorn: iterations is ", o.iterations, ", must be at least ", 1);
  if (!(o.tolerance >= 0)) fail("sinkhorn: tolerance is ", o.tolerance, ", must not be negative");
  if (!(o.annealing.start >= 0 && std::isfinite(o.annealing.start)))
    fail("sinkhorn: annealing.start is ", o.annealing.start, ", must be finite and not negative");
  if (!(o.annealing.ratio > 0 && o.annealing.ratio < 1))
    fail("sinkhorn: annealing.ratio is ", o.annealing.ratio, ", must lie between ", 0, " and ", 1);
}

inline double total_mass(const char* name, std::span<const double> masses, index count) {
  if (masses.empty()) return 1;
  if (std::ssize(masses) != count)
    fail("sinkhorn: ", name, " has ", std::ssize(masses), " masses, the cost asks for ", count);
  double total = 0;
  for (index i = 0; i < count; ++i) {
    const double x = masses[static_cast<std::size_t>(i)];
    if (!(x >= 0 && std::isfinite(x)))
      fail("sinkhorn: ", name, "[", i, "] is ", x, ", must be finite and not negative");
    total += x;
  }
  return total;
}

inline void check_room(const char* name, std::span<double> room, index count) {
  if (!room.empty() && std::ssize(room) != count)
    fail("sinkhorn: gradient of ", name, " has ", std::ssize(room), " entries, the cost asks for ", count);
}

/// The largest |cost|.
template <class T>
double largest_cost(const matrix_view<const T>& c) {
  T most = 0;
  for (index i = 0; i < c.rows; ++i) {
    T sum = 0;  // 0 where all are finite, NaN otherwise
    for (index j = 0; j < c.columns; ++j) {
      sum += c(i, j) - c(i, j);
      most = std::max(most, std::abs(c(i, j)));
    }
    for (index j = 0; j < c.columns && sum != 0; ++j)
      if (!std::isfinite(c(i, j))) fail("sinkhorn: cost(", i, ", ", j, ") is ", c(i, j), ", must be finite");
  }
  return static_cast<double>(most);
}

/// Returns Σ a, which Σ b is taken to be; 0 where nothing is to be transported.
template <class T>
double check_transport(const transport_problem<T>& problem, const sinkhorn_options& options,
                       const transport_gradients<T>& out) {
  check_options(options);
  if (out && options.gradient == transport_gradient::envelope && options.value == transport_value::cost)
    fail("sinkhorn: gradient is envelope, that of the entropic value, but value is cost: take unrolled or implicit");
  const matrix_view<const T>& c = problem.cost;
  const double a = total_mass("source", problem.source, c.rows), b = total_mass("target", problem.target, c.columns);
  const bool nothing = c.rows == 0 || c.columns == 0;
  if (!nothing && !(std::abs(a - b) <= mass_tolerance * std::max(a, b)))
    fail("sinkhorn: the masses of source add up to ", a, ", those of target to ", b);
  if (out.cost && (out.cost.rows != c.rows || out.cost.columns != c.columns))
    fail("sinkhorn: gradient of cost is ", out.cost.rows, " x ", out.cost.columns, ", cost is ", c.rows, " x ",
         c.columns);
  if (out.cost && !nothing && out.cost.data == c.data)
    fail("sinkhorn: gradient of cost lies where the cost does, which is still read");
  check_room("source", out.source, c.rows);
  check_room("target", out.target, c.columns);
  // Exponents (f + g − C)/ε are rounded to T: below this they have no digit before the point.
  const double least = std::max(largest_cost(c) * static_cast<double>(std::numeric_limits<T>::epsilon()),
                                sizeof(T) == 4 ? 1e-30 : 1e-300);
  const double most = std::max(options.epsilon, options.annealing.start);
  if (options.epsilon < least) fail("sinkhorn: epsilon is ", options.epsilon, ", for these costs at least ", least);
  if (most > 1 / (sizeof(T) == 4 ? 1e-30 : 1e-300))
    fail("sinkhorn: epsilon begins at ", most, ", too large for the type");
  return nothing ? 0 : a;
}

}  // namespace detail
DISTILL_NAMESPACE_END
