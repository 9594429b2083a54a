// A batch that a test owns, and the library's answer to it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <distill/core/random.hpp>
#include <distill/row/evaluate.hpp>

namespace harness {

using distill::index;

template <class T>
inline constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
inline constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

/// Contiguous rows; tests change them as they like.
template <class T>
struct problem {
  index rows = 0, columns = 0;
  std::vector<T> student, teacher;
  std::vector<std::int32_t> labels;
  // A stored teacher: some classes of each row and what it thinks of them.
  std::vector<std::int32_t> stored{};
  std::vector<double> stored_log_p{};

  index stored_count() const { return rows == 0 ? 0 : static_cast<index>(stored.size()) / rows; }
  T& student_at(index r, index c) { return student[static_cast<std::size_t>(r * columns + c)]; }
  T& teacher_at(index r, index c) { return teacher[static_cast<std::size_t>(r * columns + c)]; }
};

/// Normal logits, multiples of 1/256 so that small shifts of them are exact in float too.
template <class T>
problem<T> random_problem(index rows, index columns, std::uint64_t seed, double sigma = 2) {
  const auto size = static_cast<std::size_t>(rows * columns);
  problem<T> result{rows, columns, std::vector<T>(size), std::vector<T>(size), {}};
  const distill::random_stream student(seed, 1), teacher(seed, 2), label(seed, 3);
  const auto rounded = [](double x) { return static_cast<T>(std::round(x * 256) / 256); };
  for (std::size_t i = 0; i < size; ++i) {
    result.student[i] = rounded(sigma * student.normal(i));
    result.teacher[i] = rounded(sigma * teacher.normal(i));
  }
  for (index r = 0; r < rows; ++r)
    result.labels.push_back(
        static_cast<std::int32_t>(label.below(static_cast<std::uint64_t>(columns), static_cast<std::uint64_t>(r))));
  const index stored = std::min<index>(columns, 4);
  for (index r = 0; r < rows; ++r)
    for (index j = 0; j < stored; ++j) {
      result.stored.push_back(static_cast<std::int32_t>((r + j * (columns / stored)) % columns));
      result.stored_log_p.push_back(-1.25 - 0.5 * static_cast<double>(j + r % 3));
    }
  return result;
}

/// Rows [first, first + count) alone.
template <class T>
problem<T> part_of(const problem<T>& whole, index first, index count) {
  const auto slice = [&](const std::vector<T>& all) {
    return std::vector<T>(all.begin() + first * whole.columns, all.begin() + (first + count) * whole.columns);
  };
  return {count,
          whole.columns,
          slice(whole.student),
          slice(whole.teacher),
          {whole.labels.begin() + first, whole.labels.begin() + first + count},
          {whole.stored.begin() + first * whole.stored_count(),
           whole.stored.begin() + (first + count) * whole.stored_count()},
          {whole.stored_log_p.begin() + first * whole.stored_count(),
           whole.stored_log_p.begin() + (first + count) * whole.stored_count()}};
}

/// What an expression claims, of all its leaves together.
struct facts {
  bool uses_teacher = false, uses_labels = false, nonnegative = true, zero_at_equality = true, symmetric = true;
  bool uses_stored = false, shift_invariant = true, whole_derivative = true, smooth = true;
  bool squared = false;    // some leaf has the factor T²
  double temperature = 0;  // the largest
};

template <class Objective>
facts facts_of(const Objective& objective) {
  facts result;
  distill::as_sum(objective).each([&](auto, const auto& item) {
    const distill::objective_info info = item.leaf.info;
    result.uses_teacher |= info.uses_teacher;
    result.uses_labels |= info.uses_labels;
    result.uses_stored |= info.uses_stored;
    result.nonnegative &= info.nonnegative;
    result.zero_at_equality &= info.zero_at_equality;
    result.symmetric &= info.symmetric;
    result.shift_invariant &= info.shift_invariant;
    result.whole_derivative &= info.whole_derivative;
    result.smooth &= info.smooth;
    result.squared |= item.leaf.scaling == distill::temperature_scaling::squared;
    const distill::row_parameter& temperature = item.leaf.temperature;
    for (index r = 0; r < std::max<index>(1, temperature.size()); ++r)
      result.temperature = std::max(result.temperature, temperature[r]);
  });
  if constexpr (distill::compound<Objective>) {  // what it claims as a whole
    constexpr distill::objective_info whole = Objective::info;
    result.nonnegative = whole.nonnegative;
    result.zero_at_equality = whole.zero_at_equality;
    result.symmetric = whole.symmetric;
    result.shift_invariant = whole.shift_invariant;
    result.whole_derivative = whole.whole_derivative;
    result.smooth = whole.smooth;
  }
  return result;
}

template <class Objective, class T>
distill::batch<T> inputs_of(const Objective& objective, const problem<T>& p) {
  const facts claimed = facts_of(objective);
  distill::batch<T> in;
  in.student = distill::matrix_view<const T>(p.student.data(), p.rows, p.columns);
  if (claimed.uses_teacher) in.teacher = distill::matrix_view<const T>(p.teacher.data(), p.rows, p.columns);
  if (claimed.uses_labels) in.labels = p.labels;
  if (claimed.uses_stored)
    in.stored = {distill::matrix_view<const std::int32_t>(p.stored.data(), p.rows, p.stored_count()),
                 distill::matrix_view<const double>(p.stored_log_p.data(), p.rows, p.stored_count())};
  return in;
}

template <class T>
struct answer {
  double value = 0;
  std::vector<T> student, teacher;
};

/// Value and both gradients, which must be written everywhere: they begin as a number that no test expects.
template <class Objective, class T>
answer<T> solve(const Objective& objective, const problem<T>& p, const distill::batch<T>& in,
                const distill::row_options& options) {
  answer<T> result{0, std::vector<T>(p.student.size(), T(12345)), std::vector<T>(p.student.size(), T(12345))};
  distill::gradients<T> out;
  out.student = distill::matrix_view<T>(result.student.data(), p.rows, p.columns);
  out.teacher = distill::matrix_view<T>(result.teacher.data(), p.rows, p.columns);
  result.value = distill::value_and_gradient(objective, in, out, options);
  return result;
}
template <class Objective, class T>
answer<T> solve(const Objective& objective, const problem<T>& p, const distill::row_options& options) {
  return solve(objective, p, inputs_of(objective, p), options);
}
/// The sum over the rows: every row's gradient at full size.
template <class Objective, class T>
answer<T> solve(const Objective& objective, const problem<T>& p) {
  return solve(objective, p, {.reduction = distill::reduction::sum()});
}

/// Equal bits, or NaN both.
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  const auto bits = [](T x) { return distill::lane<T>::to_bits(x); };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [&](T x, T y) {
           return (std::isnan(x) && std::isnan(y)) || bits(x) == bits(y);
         });
}
template <class T>
bool same(const answer<T>& a, const answer<T>& b) {
  return same(std::vector<double>{a.value}, std::vector<double>{b.value}) && same(a.student, b.student) &&
         same(a.teacher, b.teacher);
}

/// The largest difference, in ULP of the compared numbers or of `scale`, whichever is larger.
template <class T>
double distance(const std::vector<T>& a, const std::vector<T>& b, double scale) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double unit =
        static_cast<double>(std::numeric_limits<T>::epsilon()) * std::max({std::abs(x), std::abs(y), scale});
    worst = std::max(worst, std::isfinite(x) && std::isfinite(y) ? std::abs(x - y) / unit : INFINITY);
  }
  return worst;
}
/// Of value and gradients; gradients are compared on the scale of the temperature, the value on that of its square.
template <class T>
double distance(const answer<T>& a, const answer<T>& b, double temperature) {
  // The value is summed in double, from terms that carry T's precision.
  const double value =
      distance(std::vector<T>{static_cast<T>(a.value)}, {static_cast<T>(b.value)}, temperature * temperature);
  const auto size = [&](const std::vector<T>& g) {  // a row's entries share the rounding of the largest
    return std::accumulate(g.begin(), g.end(), temperature, [](double most, T x) {
      return std::isfinite(x) ? std::max(most, std::abs(static_cast<double>(x))) : most;
    });
  };
  return std::max(
      {value, distance(a.student, b.student, size(a.student)), distance(a.teacher, b.teacher, size(a.teacher))});
}

/// Around every boundary of the engine: SIMD widths of 4, 8 and 16, the short-row kernel's last column count.
inline constexpr index column_counts[] = {1, 2, 3, 10, 15, 16, 17, 31, 33, 63, 64, 65, 100, 1000};

}  // namespace harness
