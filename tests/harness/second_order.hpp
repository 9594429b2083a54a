// Row objectives on dual numbers: the slopes of their gradients against differences and known Hessians.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <distill/row/evaluate.hpp>

#include "harness/problem.hpp"

namespace harness::second_order {

using namespace distill;
using number = dual<double>;

/// Two rows in general position; class 1 of the second is masked on both sides.
inline problem<double> two_rows(index columns, std::uint64_t seed = 41) {
  auto p = random_problem<double>(2, columns, seed, 1);
  const random_stream noise(seed + 1);  // no ties
  for (std::size_t i = 0; i < p.student.size(); ++i)
    p.student[i] += 0.01 * noise.normal(2 * i), p.teacher[i] += 0.01 * noise.normal(2 * i + 1);
  p.student_at(1, 1) = p.teacher_at(1, 1) = -infinity<double>;
  if (p.labels[1] == 1) p.labels[1] = 0;
  return p;
}

/// What a problem moves along.
struct direction {
  std::vector<double> student, teacher;
};
inline direction direction_of(const problem<double>& p, bool student, bool teacher) {
  const random_stream to_student(51), to_teacher(52);
  direction v{std::vector<double>(p.student.size()), std::vector<double>(p.student.size())};
  for (std::size_t i = 0; i < p.student.size(); ++i) {
    if (student) v.student[i] = to_student.normal(i);
    if (teacher) v.teacher[i] = to_teacher.normal(i);
  }
  return v;
}
inline problem<double> moved(problem<double> p, const direction& v, double step) {
  for (std::size_t i = 0; i < p.student.size(); ++i) {
    p.student[i] += step * v.student[i];
    p.teacher[i] += step * v.teacher[i];
  }
  return p;
}

/// Value and both gradients.
template <class T>
struct answer {
  wide<T> value = 0;
  std::vector<T> student, teacher;
};

template <class T>
using loss_on = std::function<wide<T>(const batch<T>&, const gradients<T>&)>;

template <class T>
answer<T> solve(const facts& claimed, const loss_on<T>& loss, const problem<double>& p, std::vector<T> student,
                std::vector<T> teacher) {
  const auto rows = [&](std::vector<T>& all) { return matrix_view<T>(all.data(), p.rows, p.columns); };
  batch<T> in;
  in.student = rows(student);
  if (claimed.uses_teacher) in.teacher = rows(teacher);
  if (claimed.uses_labels) in.labels = p.labels;
  if (claimed.uses_stored)
    in.stored = {matrix_view<const std::int32_t>(p.stored.data(), p.rows, p.stored_count()),
                 matrix_view<const double>(p.stored_log_p.data(), p.rows, p.stored_count())};
  answer<T> result{0, std::vector<T>(student.size(), T(12345)), std::vector<T>(student.size(), T(12345))};
  gradients<T> out;
  out.student = rows(result.student);
  out.teacher = rows(result.teacher);
  result.value = loss(in, out);
  return result;
}

/// An objective, without its type: what is compared is compiled once.
struct any_loss {
  facts claimed;
  loss_on<double> plain;
  loss_on<number> twice;

  answer<double> at(const problem<double>& p) const { return solve(claimed, plain, p, p.student, p.teacher); }
  answer<number> along(const problem<double>& p, const direction& v) const {
    std::vector<number> student, teacher;
    for (std::size_t i = 0; i < p.student.size(); ++i) {
      student.push_back({p.student[i], v.student[i]});
      teacher.push_back({p.teacher[i], v.teacher[i]});
    }
    return solve(claimed, twice, p, student, teacher);
  }
};
template <class Objective>
any_loss loss_of(const Objective& objective) {
  static constexpr auto evaluate = []<class T>(const Objective& o, const batch<T>& in, const gradients<T>& out) {
    return value_and_gradient(o, in, out, {.reduction = reduction::sum()}).value;
  };
  return {facts_of(objective),
          [objective](const batch<double>& in, const gradients<double>& out) { return evaluate(objective, in, out); },
          [objective](const batch<number>& in, const gradients<number>& out) { return evaluate(objective, in, out); }};
}

/// Fourth-order central differences of the gradient in double, on the scale of the largest slope or gradient.
inline void slopes_are_differences(const any_loss& loss, const problem<double>& p) {
  constexpr double h = 1e-4;
  const auto at_rest = loss.at(p);
  for (const bool student : {true, false}) {
    const direction v = direction_of(p, student, !student);
    const auto got = loss.along(p, v);
    const auto up = loss.at(moved(p, v, h)), down = loss.at(moved(p, v, -h)), up2 = loss.at(moved(p, v, 2 * h)),
               down2 = loss.at(moved(p, v, -2 * h));
    double along_v = 0, size = 0;
    for (auto part : {&answer<double>::student, &answer<double>::teacher}) {
      const bool of_student = part == &answer<double>::student;
      const auto& slopes = of_student ? got.student : got.teacher;
      double largest = 1e-3, worst = 0, apart = 0;
      for (std::size_t i = 0; i < slopes.size(); ++i) {
        const double difference =
            (8 * ((up.*part)[i] - (down.*part)[i]) - ((up2.*part)[i] - (down2.*part)[i])) / (12 * h);
        largest = std::max({largest, std::abs(difference), std::abs((at_rest.*part)[i])});
        const double off = std::abs(slopes[i].slope - difference), other = slopes[i].value - (at_rest.*part)[i];
        if (!(off <= worst)) worst = off;  // NaN stays
        if (!(std::abs(other) <= apart)) apart = std::abs(other);
        const double product = (at_rest.*part)[i] * (of_student ? v.student : v.teacher)[i];
        along_v += product;
        size += std::abs(product);
      }
      INFO((of_student ? "student's" : "teacher's")
           << " gradient along the " << (student ? "student" : "teacher") << ", " << p.columns << " columns: off by "
           << worst << ", value by " << apart << ", of " << largest);
      CHECK(worst <= 1e-8 * largest);
      CHECK(apart <= 1e-13 * largest);
    }
    const double value = got.value.value, expected = at_rest.value;  // +inf where a stored class is masked
    INFO("value " << value << ", " << expected << " in double; slope " << got.value.slope << ", gradient along v "
                  << along_v);
    CHECK((value == expected || std::abs(value - expected) <= 1e-13 * std::max(1.0, std::abs(expected))));
    if (loss.claimed.whole_derivative) CHECK(std::abs(got.value.slope - along_v) <= 1e-12 * std::max(1e-3, size));
  }
}
inline void slopes_are_differences(const any_loss& loss) {
  for (const index columns : {3, 20}) slopes_are_differences(loss, two_rows(columns));
}
template <class Objective, class... Problem>
void check(const Objective& objective, const Problem&... problem) {
  slopes_are_differences(loss_of(objective), problem...);
}

/// (diag p − p pᵀ) v, p the softmax of a row at a temperature.
inline std::vector<double> fisher(const problem<double>& p, const std::vector<double>& v, double temperature) {
  std::vector<double> result;
  for (index r = 0; r < p.rows; ++r) {
    const auto at = [&](index c) { return static_cast<std::size_t>(r * p.columns + c); };
    double sum = 0, mean = 0;
    for (index c = 0; c < p.columns; ++c) sum += std::exp(p.student[at(c)] / temperature);
    for (index c = 0; c < p.columns; ++c) mean += std::exp(p.student[at(c)] / temperature) / sum * v[at(c)];
    for (index c = 0; c < p.columns; ++c)
      result.push_back(std::exp(p.student[at(c)] / temperature) / sum * (v[at(c)] - mean));
  }
  return result;
}
/// The student's slopes are `share` times that, the teacher's the negative where it takes part.
inline void is_fisher(const any_loss& loss, const problem<double>& p, double temperature, double share, bool equal) {
  const direction v = direction_of(p, true, false);
  const auto expected = fisher(p, v.student, temperature);
  const auto got = loss.along(p, v);
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double student = got.student[i].slope - share * expected[i];
    const double teacher = equal ? got.teacher[i].slope + share * expected[i] : 0;
    if (!(std::abs(student) + std::abs(teacher) <= worst)) worst = std::abs(student) + std::abs(teacher);
  }
  INFO(p.columns << " columns: off by " << worst);
  CHECK(worst <= 1e-13);
}

}  // namespace harness::second_order
