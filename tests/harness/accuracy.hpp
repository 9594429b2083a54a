// Values and gradients against the reference files.
//
// A gradient entry's error is stated in ULP of factor · (p_s + p_t) · stretch at that class: factor is T under squared
// scaling, and stretch = 1 + |d_i| + Σ_j p_j |d_j| where the closed form multiplies a probability by d = log p_s - log
// p_t (reverse KL to the student, KL to the teacher), 1 where it does not. For a hard label p_t is the smoothed target.
// A class far below the row's maximum has x = (z - max)/T rounded before the exponential, half an ULP of x each time:
// |x|/2 ULP of the probability come on top.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <distill/row/evaluate.hpp>

#include "harness/reference.hpp"
#include "harness/softmax.hpp"

namespace harness {

struct accuracy_bounds {
  double value = 0;  // relative, beside the floor below
  double gradient_ulp = 0;
};

namespace detail {

/// d = log p_s - log p_t of each class, bounded where one of them is masked.
inline std::vector<long double> distances(const exact_softmax& s, const exact_softmax& t) {
  std::vector<long double> d(s.p.size());
  for (std::size_t c = 0; c < d.size(); ++c)
    d[c] = s.p[c] + t.p[c] == 0 || std::isinf(s.log_p[c]) || std::isinf(t.log_p[c]) ? 0 : s.log_p[c] - t.log_p[c];
  return d;
}

inline long double tail_of(long double log_p, long double other) {
  return std::max(std::isinf(log_p) ? 0 : -log_p, std::isinf(other) ? 0 : -other);
}

template <class T>
double worst_ulp(const std::vector<T>& got, const std::vector<long double>& expected, const reference_case& c,
                 bool multiplies_d) {
  const exact_softmax s = softmax_of(c.row.student, c.temperature), t = softmax_of(c.row.teacher, c.temperature);
  const std::vector<long double> d = distances(s, t);
  long double mean = 0;
  for (std::size_t i = 0; i < d.size(); ++i) mean += std::max(s.p[i], t.p[i]) * std::abs(d[i]);
  double worst = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const std::size_t i = c.row.columns[k];
    const long double stretch = multiplies_d ? 1 + std::abs(d[i]) + mean : 1;
    const long double target = c.teacher.empty() ? std::abs(s.p[i] - expected[k] / c.temperature) : t.p[i];
    const long double unit = static_cast<long double>(c.temperature) * (s.p[i] + target) * stretch *
                             static_cast<long double>(std::numeric_limits<T>::epsilon());
    const long double error = std::abs(static_cast<long double>(got[i]) - expected[k]);
    // Below the normal range there are no digits to keep: exp underflows to 0 there.
    const long double floor =
        static_cast<long double>(c.temperature) * static_cast<long double>(std::numeric_limits<T>::min()) * 4;
    if (error <= floor) continue;
    if (!(error <= unit * 1e9L)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, static_cast<double>(error / unit - tail_of(s.log_p[i], t.log_p[i]) / 2));
  }
  return worst;
}

}  // namespace detail

template <class T, class Objective>
void check_case(const reference_case& c, const Objective& objective, const accuracy_bounds& bounds, bool student_has_d,
                bool teacher_has_d) {
  const std::vector<T> student(c.row.student.begin(), c.row.student.end());
  const std::vector<T> teacher(c.row.teacher.begin(), c.row.teacher.end());
  const auto columns = static_cast<distill::index>(student.size());
  std::vector<T> to_student(student.size()), to_teacher(teacher.size());
  distill::batch<T> in;
  distill::gradients<T> out;
  in.student = distill::matrix_view<const T>(student.data(), 1, columns);
  out.student = distill::matrix_view<T>(to_student.data(), 1, columns);
  if (Objective::info.uses_teacher) {
    in.teacher = distill::matrix_view<const T>(teacher.data(), 1, columns);
    out.teacher = distill::matrix_view<T>(to_teacher.data(), 1, columns);
  }
  if (Objective::info.uses_labels) in.labels = distill::index_view(&c.row.label, 1);
  const double value = distill::value_and_gradient(objective, in, out);

  const double student_ulp = detail::worst_ulp(to_student, c.student, c, student_has_d);
  const double teacher_ulp = detail::worst_ulp(to_teacher, c.teacher, c, teacher_has_d);
  // The normalisers' own rounding enters every d alike, so the value by its square.
  const double floor = std::pow(c.temperature * static_cast<double>(std::numeric_limits<T>::epsilon()), 2);
  const auto error = static_cast<double>(std::abs(static_cast<long double>(value) - c.value));
  INFO(Objective::info.name << " of row " << c.row.name << ", temperature " << c.temperature << ", parameter "
                            << c.parameter << ", " << sizeof(T) << " bytes");
#ifdef DISTILL_TEST_REPORT
  std::printf("REF %s %s %s T=%g p=%g value_rel %.3g value_abs %.3g student %.3f teacher %.3f\n",
              std::string(Objective::info.name).c_str(), sizeof(T) == 4 ? "float" : "double", c.row.name.c_str(),
              c.temperature, c.parameter, c.value == 0 ? 0.0 : double(error / std::abs(c.value)), error, student_ulp,
              teacher_ulp);
#endif
  CHECK(error <= bounds.value * static_cast<double>(std::abs(c.value)) + floor);
  CHECK(student_ulp <= bounds.gradient_ulp);
  CHECK(teacher_ulp <= bounds.gradient_ulp);
  if (Objective::info.nonnegative) CHECK(value >= 0);
}

}  // namespace harness
