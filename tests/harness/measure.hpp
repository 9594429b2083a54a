// How far an objective is from its references, in units of the last place: the tests set bounds to it, tools/accuracy
// prints it.
//
// The value's unit is ε |value|, or ε Σ |terms| where terms of both signs make it up. Its floor says how a rounding of
// the normalisers enters the value, see common_shift. What is not 0 between equal rows (cross-entropies, entropies)
// sums logarithms of probabilities: never less than T² times the ε of a double.
//
// A gradient entry is measured three times:
// - plain: in units of ε T (p_s + p_t) at that class, in an objective without the factor T² of ε (p_s + p_t)/T. A label
//   adds its target, 1 at its class or the smoothed one.
// - sized: in units of ε times what the contributions to the entry add up to, if that is more: a probability times
//   log p_s - log p_t, a softmax without the label, a quotient of probabilities. The references carry these sums.
// - beyond: what remains of `sized` without the rounding of x = (z - max)/T before the exponential. Half an ULP of x is
//   |x|/2 ULP of a probability far below its row's maximum.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include <distill/row/evaluate.hpp>

#include "harness/problem.hpp"
#include "harness/reference.hpp"
#include "harness/softmax.hpp"

namespace harness {

/// What a value makes of an error that all of a row's log p_s - log p_t have in common, their normalisers' rounding.
enum class common_shift {
  cancels,    ///< nothing: the slopes add up to 0, as those of KL. The unit is at least T² ε², the error's square
  quadratic,  ///< shifts what is squared: the unit is at least T ε √value
  linear      ///< adds to the value: the unit is at least T² ε
};

/// Worst and mean of an error in ULP, and the case that attains the worst.
struct tally {
  double worst = 0, sum = 0;
  std::size_t count = 0;
  std::string where;

  double mean() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
  void add(double ulp, const std::string& at) {
    if (where.empty() || !(ulp <= worst)) {
      worst = ulp;
      where = at;
    }
    sum += ulp;
    ++count;
  }
};

/// The errors of one gradient's listed entries.
struct entry_errors {
  std::vector<double> plain, sized, beyond;
};

struct case_errors {
  double value = 0;
  bool overflowed = false;  // +inf where the reference is finite
  entry_errors student, teacher;

  double worst_beyond() const {
    double worst = 0;
    for (const auto* side : {&student.beyond, &teacher.beyond})
      for (const double ulp : *side) worst = std::max(worst, ulp);
    return worst;
  }
};

struct entry_tallies {
  tally plain, sized, beyond;

  void add(const entry_errors& errors, const std::string& where) {
    for (const double ulp : errors.plain) plain.add(ulp, where);
    for (const double ulp : errors.sized) sized.add(ulp, where);
    for (const double ulp : errors.beyond) beyond.add(ulp, where);
  }
};

/// One objective in one number type over all its cases.
struct accuracy_record {
  std::size_t cases = 0;
  std::size_t out_of_range = 0;  // not counted: numbers that the type cannot hold
  tally value;
  entry_tallies student, teacher;

  void add(const reference_case& c, const case_errors& errors) {
    const std::string where = c.description();
    ++cases;
    value.add(errors.value, where);
    student.add(errors.student, where);
    teacher.add(errors.teacher, where);
  }
};

namespace detail {

/// What a label asks of class i.
inline long double target(const reference_case& c, std::size_t i) {
  const bool label = static_cast<distill::index>(i) == c.row.label;
  if (!c.parameters.has("label_smoothing")) return label ? 1 : 0;
  const double smoothing = c.parameters["label_smoothing"];
  const auto kept =
      std::count_if(c.row.student.begin(), c.row.student.end(), [](double z) { return std::isfinite(z); });
  return (label ? 1 - smoothing : 0) + (std::isfinite(c.row.student[i]) ? smoothing / static_cast<double>(kept) : 0);
}

template <class T>
constexpr auto epsilon = static_cast<long double>(std::numeric_limits<T>::epsilon());

}  // namespace detail

/// The teacher's k largest classes, the lower index first among equals, with their log-probabilities in the whole
/// softmax.
struct stored_classes {
  std::vector<std::int32_t> classes;
  std::vector<double> log_p;

  stored_classes(const reference_case& c, std::size_t k) : classes(c.row.teacher.size()) {
    std::iota(classes.begin(), classes.end(), 0);
    const auto logit = [&](std::int32_t column) { return c.row.teacher[static_cast<std::size_t>(column)]; };
    std::stable_sort(classes.begin(), classes.end(), [&](auto a, auto b) { return logit(a) > logit(b); });
    classes.resize(k);
    const exact_softmax teacher = softmax_of(c.row.teacher, c.parameters.temperature);
    for (const std::int32_t column : classes)
      log_p.push_back(static_cast<double>(teacher.log_p[static_cast<std::size_t>(column)]));
  }
};

/// The library's answer to one case.
template <class T>
struct computed {
  double value = 0;
  std::vector<T> student, teacher;
};

template <class T, class Objective>
computed<T> compute(const reference_case& c, const Objective& objective) {
  const std::vector<T> student(c.row.student.begin(), c.row.student.end());
  const std::vector<T> teacher(c.row.teacher.begin(), c.row.teacher.end());
  const auto columns = static_cast<distill::index>(student.size());
  const facts reads = facts_of(objective);
  computed<T> result{0, std::vector<T>(student.size()), std::vector<T>(teacher.size())};
  distill::batch<T> in;
  distill::gradients<T> out;
  in.student = distill::matrix_view<const T>(student.data(), 1, columns);
  out.student = distill::matrix_view<T>(result.student.data(), 1, columns);
  if (reads.uses_teacher) {
    in.teacher = distill::matrix_view<const T>(teacher.data(), 1, columns);
    if (!c.teacher.empty()) out.teacher = distill::matrix_view<T>(result.teacher.data(), 1, columns);
  }
  if (reads.uses_labels) in.labels = distill::index_view(&c.row.label, 1);
  const stored_classes stored(c, reads.uses_stored ? static_cast<std::size_t>(c.parameters["k"]) : 0);
  const auto k = static_cast<distill::index>(stored.classes.size());
  if (reads.uses_stored)
    in.stored = {distill::matrix_view<const std::int32_t>(stored.classes.data(), 1, k),
                 distill::matrix_view<const double>(stored.log_p.data(), 1, k)};
  result.value = distill::value_and_gradient(objective, in, out);
  return result;
}

/// Whether T can hold every number that the case asks for.
template <class T>
bool in_range(const reference_case& c) {
  if (sizeof(T) < sizeof(double) && !c.row.both) return false;
  const auto largest = static_cast<long double>(std::numeric_limits<T>::max()) / 1024;
  for (const auto* numbers : {&c.student, &c.teacher, &c.student_size, &c.teacher_size})
    for (const long double x : *numbers)
      if (std::abs(x) > largest) return false;
  return std::abs(c.value) < largest;  // a double, but of terms of type T
}

template <class T>
case_errors errors_of(const reference_case& c, const computed<T>& got, const facts& reads, common_shift shift) {
  const long double epsilon = detail::epsilon<T>, temperature = c.parameters.temperature;
  const long double slope_factor = reads.squared ? temperature : 1 / temperature;
  const long double root_of_factor = reads.squared ? temperature : 1;
  const exact_softmax s = softmax_of(c.row.student, temperature), t = softmax_of(c.row.teacher, temperature);
  // A NaN is infinitely far.
  const auto in_units = [](long double error, long double unit) {
    return std::isnan(error) ? std::numeric_limits<double>::infinity() : static_cast<double>(error / unit);
  };
  case_errors result;
  const long double rounding = root_of_factor * epsilon;
  long double floor = shift == common_shift::linear      ? root_of_factor * rounding
                      : shift == common_shift::quadratic ? rounding * std::max(rounding, std::sqrt(std::abs(c.value)))
                                                         : rounding * rounding;
  if (!reads.zero_at_equality) floor = std::max(floor, root_of_factor * root_of_factor * detail::epsilon<double>);
  const long double value_unit = std::max({epsilon * std::abs(c.value), epsilon * c.value_size, floor});
  result.overflowed = got.value == std::numeric_limits<double>::infinity() && std::isfinite(c.value);
  result.value = in_units(std::abs(static_cast<long double>(got.value) - c.value), value_unit);

  const auto measure_side = [&](const std::vector<T>& own, const std::vector<long double>& expected,
                                const std::vector<long double>& size, entry_errors& errors) {
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const std::size_t i = c.row.columns[k];
      const long double unit = slope_factor * (s.p[i] + (reads.uses_teacher || reads.uses_stored ? t.p[i] : 0) +
                                               (reads.uses_labels ? detail::target(c, i) : 0));
      const long double own_unit = size.empty() ? unit : std::max(unit, size[k]);
      long double error = std::abs(static_cast<long double>(own[i]) - expected[k]);
      // Below the normal range there are no digits to keep: exp underflows to 0 there.
      if (error <= 4 * slope_factor * static_cast<long double>(std::numeric_limits<T>::min())) error = 0;
      long double tail = 0;
      for (const long double log_p : {s.log_p[i], t.log_p[i]})
        if (!std::isinf(log_p)) tail = std::max(tail, -log_p);
      const double sized = error == 0 ? 0 : in_units(error, epsilon * own_unit);
      errors.plain.push_back(error == 0 ? 0 : in_units(error, epsilon * unit));
      errors.sized.push_back(sized);
      errors.beyond.push_back(std::max(0.0, sized - static_cast<double>(tail) / 2));
    }
  };
  measure_side(got.student, c.student, c.student_size, result.student);
  measure_side(got.teacher, c.teacher, c.teacher_size, result.teacher);
  return result;
}

/// All cases of one objective: `make_objective` takes a case or its parameters, `each` the case and its errors.
template <class T, class Make, class Each>
accuracy_record measure(const std::string& name, const Make& make_objective, common_shift shift, const Each& each) {
  accuracy_record record;
  for (const reference_case& c : reference_cases(name)) {
    if (!in_range<T>(c)) {
      if (c.row.both || sizeof(T) == sizeof(double)) ++record.out_of_range;
      continue;
    }
    const auto objective = [&] {
      if constexpr (std::is_invocable_v<Make, const reference_case&>)
        return make_objective(c);
      else
        return make_objective(c.parameters);
    }();
    const case_errors errors = errors_of<T>(c, compute<T>(c, objective), facts_of(objective), shift);
    if (errors.overflowed)
      ++record.out_of_range;
    else
      record.add(c, errors);
    each(c, errors);
  }
  return record;
}

}  // namespace harness
