// Properties that follow from what an objective is, whatever engine computes it.
#pragma once

#include <doctest/doctest.h>

#include <distill/row/evaluate.hpp>

#include "harness/problem.hpp"

namespace harness {

/// A softmax does not see a constant added to its row, so no gradient points along it.
template <class T, class Objective>
void gradients_sum_to_zero(const Objective& objective) {
  if (!facts_of(objective).shift_invariant) return;
  for (const index columns : column_counts) {
    const auto p = random_problem<T>(5, columns, 11);
    const auto got = solve(objective, p);
    for (const auto* gradient : {&got.student, &got.teacher})
      for (index r = 0; r < p.rows; ++r) {
        double sum = 0, size = facts_of(objective).temperature;
        for (index c = 0; c < columns; ++c) {
          const auto g = static_cast<double>((*gradient)[static_cast<std::size_t>(r * columns + c)]);
          sum += g;
          size += std::abs(g);
        }
        INFO(columns << " columns, row " << r << ": the gradient sums to " << sum);
        CHECK(std::abs(sum) <= 16 * static_cast<double>(std::numeric_limits<T>::epsilon()) * size);
      }
  }
}

template <class T, class Objective>
void shifting_a_row_changes_nothing(const Objective& objective) {
  if (!facts_of(objective).shift_invariant) return;
  for (const index columns : {2, 10, 65}) {
    auto p = random_problem<T>(6, columns, 12);
    const auto before = solve(objective, p);
    for (index r = 0; r < p.rows; ++r)
      for (index c = 0; c < columns; ++c) {
        p.student_at(r, c) += static_cast<T>(8 * r - 12);
        p.teacher_at(r, c) -= static_cast<T>(4 * r);
      }
    const double change = distance(solve(objective, p), before, facts_of(objective).temperature);
    CAPTURE(columns);
    CHECK(change <= 16);
  }
}

template <class T, class Objective>
void never_negative(const Objective& objective) {
  if (!facts_of(objective).nonnegative) return;
  // Nearly equal rows are where a plain sum of p log p falls below 0.
  for (const double sigma : {2.0, 1e-2, 1e-4, 1e-6})
    for (const index columns : {1, 2, 10, 100, 1000}) {
      auto p = random_problem<T>(8, columns, 13, 3);
      const distill::random_stream noise(14);
      for (std::size_t i = 0; i < p.student.size(); ++i)
        p.student[i] = p.teacher[i] + static_cast<T>(sigma * noise.normal(i));
      for (index r = 0; r < p.rows; ++r) {
        const double value = solve(objective, part_of(p, r, 1)).value;
        INFO("sigma " << sigma << ", " << columns << " columns, row " << r);
        CHECK(value >= 0);
      }
    }
}

template <class T, class Objective>
void zero_where_rows_are_equal(const Objective& objective) {
  if (!facts_of(objective).zero_at_equality) return;
  for (const index columns : column_counts) {
    auto p = random_problem<T>(5, columns, 15);
    for (index r = 0; r < p.rows; ++r)
      for (index c = 0; c < columns; ++c) p.student_at(r, c) = p.teacher_at(r, c) = p.teacher_at(r, c) / T(3);
    const auto got = solve(objective, p);
    const auto zero = [](T g) { return g == 0; };
    const bool no_student = std::all_of(got.student.begin(), got.student.end(), zero);
    const bool no_teacher = std::all_of(got.teacher.begin(), got.teacher.end(), zero);
    INFO(columns << " columns: value " << got.value << ", student gradient non-zero " << (no_student ? 0 : 1)
                 << ", teacher gradient non-zero " << (no_teacher ? 0 : 1));
    CHECK((got.value == 0 && no_student && no_teacher));
  }
}

template <class T, class Objective>
void symmetric_when_claimed(const Objective& objective) {
  if (!facts_of(objective).symmetric) return;
  for (const index columns : {2, 10, 100}) {
    auto p = random_problem<T>(5, columns, 16);
    const auto there = solve(objective, p);
    std::swap(p.student, p.teacher);
    auto back = solve(objective, p);
    std::swap(back.student, back.teacher);
    CAPTURE(columns);
    CHECK(distance(there, back, facts_of(objective).temperature) <= 16);
  }
}

/// The slopes that an objective returns are the derivatives of the term that it returns.
template <distill::separable Objective>
void slopes_are_derivatives(const Objective& objective) {
  using V = distill::dual<double>;
  constexpr auto sums = static_cast<std::size_t>(distill::detail::sums_of<Objective>());
  for (const double log_t : {-0.01, -0.7, -5.0, -30.0})
    for (const double d : {-25.0, -2.0, -0.6, -0.4, -1e-3, 1e-6, 0.1, 0.49, 0.51, 3.0, 25.0}) {
      const double log_s = log_t + d;
      if (log_s > 0) continue;
      const auto along = [&](double to_s, double to_t) {
        distill::element<V> x;
        x.d = V(d, to_s - to_t);
        x.p_s = V(std::exp(log_s), std::exp(log_s) * to_s);
        x.p_t = V(std::exp(log_t), std::exp(log_t) * to_t);
        x.log_s = V(log_s, to_s);
        x.log_t = V(log_t, to_t);
        return objective(x);
      };
      const auto by_s = along(1, 0), by_t = along(0, 1);
      for (std::size_t k = 0; k < sums; ++k) {
        const double unit = 1e-9 * (std::exp(log_s) + std::exp(log_t)) * std::abs(d) * (1 + std::abs(d));
        INFO("d = " << d << ", log p_t = " << log_t << ", sum " << k);
        // A multiple of p in the slopes projects to nothing: some objectives add it to keep their digits.
        const auto off = [&](const auto& along_side, const V& slope, double p) {
          const double difference = along_side.term[k].slope - slope.value;
          const double size = unit + 1e-9 * std::abs(slope.value);
          return std::min({std::abs(difference), std::abs(difference - p), std::abs(difference + p)}) / size;
        };
        CHECK(off(by_s, by_s.to_student[k], std::exp(log_s)) <= 1);
        CHECK(off(by_t, by_t.to_teacher[k], std::exp(log_t)) <= 1);
      }
    }
}

/// The same of an objective over logits.
template <distill::elementwise Objective>
void slopes_are_derivatives(const Objective& objective) {
  using V = distill::dual<double>;
  constexpr auto sums = static_cast<std::size_t>(distill::detail::sums_of<Objective>());
  for (const double t : {-30.0, -2.0, 0.01, 0.3, 25.0})
    for (const double s : {-25.0, -1.9999, 1e-6, 0.3001, 0.8, 30.0}) {
      const auto along = [&](double to_s, double to_t) {
        return objective(distill::logit_pair<V>{V(s - t, to_s - to_t), V(s, to_s), V(t, to_t), V(1)});
      };
      const auto by_s = along(1, 0), by_t = along(0, 1);
      for (std::size_t k = 0; k < sums; ++k) {
        INFO("u_s = " << s << ", u_t = " << t << ", sum " << k);
        CHECK(by_s.term[k].slope == doctest::Approx(by_s.to_student[k].value).epsilon(1e-9));
        CHECK(by_t.term[k].slope == doctest::Approx(by_t.to_teacher[k].value).epsilon(1e-9));
      }
    }
}

/// Both gradients are the derivatives of the whole value: fourth-order central differences, in double.
template <class Objective>
void gradients_are_differences(const Objective& objective) {
  if (!facts_of(objective).whole_derivative) return;
  for (const index columns : {2, 5, 70}) {
    auto p = random_problem<double>(2, columns, 17, 1);
    const distill::random_stream noise(19);  // its logits are rounded: ties, which are kinks to some objectives
    for (std::size_t i = 0; i < p.student.size() && !facts_of(objective).smooth; ++i)
      p.student[i] += 1e-3 * noise.normal(2 * i), p.teacher[i] += 1e-3 * noise.normal(2 * i + 1);
    const auto got = solve(objective, p);
    const auto in = inputs_of(objective, p);
    // Past a kink no difference tells the slope: the step must not reach one.
    const bool smooth = facts_of(objective).smooth;
    const double h = smooth ? 1e-3 : 1e-7, tolerance = smooth ? 1e-9 : 1e-7,
                 scale = std::pow(facts_of(objective).temperature, 2);
    const auto check = [&](std::vector<double>& logits, const std::vector<double>& gradient, const char* name) {
      for (std::size_t i = 0; i<logits.size(); i += columns> 10 ? 7 : 1) {
        const double z = logits[i];
        const auto at = [&](double x) {
          logits[i] = x;
          return distill::value(objective, in, {.reduction = distill::reduction::sum()}).value;
        };
        const double slope = (8 * (at(z + h) - at(z - h)) - (at(z + 2 * h) - at(z - 2 * h))) / (12 * h);
        logits[i] = z;
        INFO(columns << " columns, " << name << " logit " << i << ": difference " << slope << ", gradient "
                     << gradient[i]);
        CHECK(std::abs(slope - gradient[i]) <= tolerance * scale * std::max(1.0, std::abs(gradient[i])));
      }
    };
    check(p.student, got.student, "student");
    if (facts_of(objective).uses_teacher) check(p.teacher, got.teacher, "teacher");
  }
}

/// A class at -inf on both sides is no class: values and the other gradients are those without its column.
template <class T, class Objective>
void masking_is_deletion(const Objective& objective) {
  if (facts_of(objective).uses_stored) return;  // classes are named by number
  for (const index columns : {3, 10, 17, 64, 70, 200}) {
    auto p = random_problem<T>(5, columns, 18);
    const auto gone = [](index c) { return c % 3 == 1; };
    problem<T> kept{p.rows, 0, {}, {}, {}};
    for (index c = 0; c < columns; ++c) kept.columns += !gone(c);
    for (index r = 0; r < p.rows; ++r) {
      auto& label = p.labels[static_cast<std::size_t>(r)];
      label -= gone(label);
      kept.labels.push_back(static_cast<std::int32_t>(label - (label + 1) / 3));
      for (index c = 0; c < columns; ++c) {
        if (gone(c)) {
          p.student_at(r, c) = p.teacher_at(r, c) = -infinity<T>;
          continue;
        }
        kept.student.push_back(p.student_at(r, c));
        kept.teacher.push_back(p.teacher_at(r, c));
      }
    }
    const auto masked = solve(objective, p);
    auto shorter = masked;
    shorter.student.clear(), shorter.teacher.clear();
    bool zero = true;
    for (std::size_t i = 0; i < masked.student.size(); ++i) {
      if (gone(static_cast<index>(i) % columns)) {
        zero = zero && masked.student[i] == 0 && masked.teacher[i] == 0;
        continue;
      }
      shorter.student.push_back(masked.student[i]);
      shorter.teacher.push_back(masked.teacher[i]);
    }
    CAPTURE(columns);
    CHECK(zero);
    CHECK(distance(shorter, solve(objective, kept), facts_of(objective).temperature) <= 16);
  }
}

}  // namespace harness
