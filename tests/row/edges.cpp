// The written contract for the ends of the number line: masked classes, rows without a finite class, NaN, huge logits.
#include <doctest/doctest.h>

#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/jensen_shannon.hpp>
#include <distill/objective/kl.hpp>
#include <distill/objective/reverse_kl.hpp>

#include "harness/problem.hpp"
#include "harness/softmax.hpp"

namespace {

using distill::cross_entropy;
using distill::jensen_shannon;
using distill::kl;
using distill::reverse_kl;
using harness::answer;
using harness::infinity;
using harness::not_a_number;
using harness::part_of;
using harness::problem;
using harness::random_problem;
using harness::solve;

// A row of the short kernel's length and one beyond it.
constexpr distill::index few_lengths[] = {5, 70};
constexpr double temperature = 2;

template <class T>
bool all_nan(const std::vector<T>& row) {
  return std::all_of(row.begin(), row.end(), [](T x) { return std::isnan(x); });
}
template <class T>
bool none_nan(const std::vector<T>& row) {
  return std::none_of(row.begin(), row.end(), [](T x) { return std::isnan(x); });
}
template <class T>
bool all_zero(const std::vector<T>& row) {
  return std::all_of(row.begin(), row.end(), [](T x) { return x == 0; });
}

/// Calls visit(objective, has_teacher) for each of the library's objectives.
template <class Visit>
void each_objective(const Visit& visit) {
  visit(kl{.temperature = temperature}, true);
  visit(reverse_kl{.temperature = temperature}, true);
  visit(jensen_shannon{.beta = 0.3, .temperature = temperature}, true);
  visit(cross_entropy{.temperature = temperature}, false);
}

template <class T>
harness::exact_softmax student_softmax(const problem<T>& p) {
  return harness::softmax_of(p.student, temperature);
}
template <class T>
harness::exact_softmax teacher_softmax(const problem<T>& p) {
  return harness::softmax_of(p.teacher, temperature);
}
template <class T>
constexpr double tolerance = 16 * static_cast<double>(std::numeric_limits<T>::epsilon());

template <class T>
bool near(T got, long double expected) {
  return std::abs(static_cast<double>(got) - static_cast<double>(expected)) <= tolerance<T>;
}

}  // namespace

TEST_CASE_TEMPLATE("kl: teacher mass on a class that the student masks", T, float, double) {
  for (const auto columns : few_lengths) {
    auto p = random_problem<T>(1, columns, 41);
    p.student[3] = -infinity<T>;
    const auto got = solve(kl{.temperature = temperature}, p);
    const auto s = student_softmax(p), t = teacher_softmax(p);
    CAPTURE(columns);
    CHECK(got.value == infinity<double>);
    for (std::size_t c = 0; c < p.student.size(); ++c) CHECK(near(got.student[c], temperature * (s.p[c] - t.p[c])));
    // More teacher mass there makes an infinite value larger, anywhere else smaller.
    for (std::size_t c = 0; c < p.student.size(); ++c) CHECK(got.teacher[c] == (c == 3 ? infinity<T> : -infinity<T>));
  }
}

TEST_CASE_TEMPLATE("reverse_kl: student mass on a class that the teacher masks", T, float, double) {
  for (const auto columns : few_lengths) {
    auto p = random_problem<T>(1, columns, 42);
    p.teacher[3] = p.student[1] = -infinity<T>;
    const auto got = solve(reverse_kl{.temperature = temperature}, p);
    const auto s = student_softmax(p), t = teacher_softmax(p);
    CAPTURE(columns);
    CHECK(got.value == infinity<double>);
    for (std::size_t c = 0; c < p.student.size(); ++c) {
      CHECK(got.student[c] == (c == 3 ? infinity<T> : c == 1 ? T(0) : -infinity<T>));
      CHECK(near(got.teacher[c], temperature * (t.p[c] - s.p[c])));
    }
  }
}

TEST_CASE_TEMPLATE("the other direction of a mask is finite and leaves the masked class alone", T, float, double) {
  for (const auto columns : few_lengths) {
    auto p = random_problem<T>(1, columns, 43);
    p.teacher[2] = -infinity<T>;
    const auto forward = solve(kl{.temperature = temperature}, p);
    const auto mixed = solve(jensen_shannon{.temperature = temperature}, p);
    std::swap(p.student, p.teacher);
    const auto backward = solve(reverse_kl{.temperature = temperature}, p);
    const auto other_mixed = solve(jensen_shannon{.temperature = temperature}, p);
    CAPTURE(columns);
    for (const auto* got : {&forward, &mixed, &backward, &other_mixed}) {
      CHECK((std::isfinite(got->value) && got->value > 0));
      CHECK((none_nan(got->student) && none_nan(got->teacher)));
    }
    CHECK((forward.teacher[2] == 0 && mixed.teacher[2] == 0));
    CHECK((backward.student[2] == 0 && other_mixed.student[2] == 0));
    CHECK(backward.value == doctest::Approx(forward.value).epsilon(tolerance<T>));
  }
}

TEST_CASE_TEMPLATE("a row without a finite class is NaN, unless it is masked or has no weight", T, float, double) {
  for (const auto columns : few_lengths)
    each_objective([&](const auto& objective, bool has_teacher) {
      for (const bool student : {true, false}) {
        if (!student && !has_teacher) continue;
        auto p = random_problem<T>(3, columns, 44);
        for (distill::index c = 0; c < columns; ++c) (student ? p.student_at(1, c) : p.teacher_at(1, c)) = -infinity<T>;
        const auto got = solve(objective, part_of(p, 1, 1));
        const auto whole = solve(objective, p);
        INFO(objective.info.name << ", " << columns << " columns, student " << student);
        CHECK(std::isnan(got.value));
        CHECK(std::isnan(whole.value));
        CHECK(all_nan(got.student));
        if (has_teacher) CHECK(all_nan(got.teacher));
        const auto first = solve(objective, part_of(p, 0, 1));
        CHECK(std::equal(first.student.begin(), first.student.end(), whole.student.begin()));
        const std::vector<int> mask{1, 0, 1};
        const std::vector<double> weights{1, 0, 1};
        for (const auto& rest : {solve(objective, p, {.mask = mask}), solve(objective, p, {.weights = weights})}) {
          CHECK(std::isfinite(rest.value));
          CHECK((none_nan(rest.student) && none_nan(rest.teacher)));
          CHECK(all_zero(std::vector<T>(rest.student.begin() + columns, rest.student.begin() + 2 * columns)));
        }
      }
    });
}

TEST_CASE_TEMPLATE("NaN or +inf in a row: NaN out in all of that row, and in no other", T, float, double) {
  for (const auto columns : few_lengths)
    for (const T poison : {not_a_number<T>, infinity<T>})
      each_objective([&](const auto& objective, bool has_teacher) {
        for (const bool student : {true, false}) {
          if (!student && !has_teacher) continue;
          auto p = random_problem<T>(3, columns, 45);
          const auto clean = solve(objective, p, {.reduction = distill::reduction::none()});
          for (const auto c : {distill::index(0), columns - 1}) {
            auto bad = p;
            (student ? bad.student_at(1, c) : bad.teacher_at(1, c)) = poison;
            const auto got = solve(objective, bad, {.reduction = distill::reduction::none()});
            const auto alone = solve(objective, part_of(bad, 1, 1));
            INFO(objective.info.name << ", " << columns << " columns, class " << c << ", student " << student << ", "
                                     << poison);
            CHECK(std::isnan(alone.value));
            CHECK(std::isnan(got.value));
            CHECK(all_nan(alone.student));
            if (has_teacher) CHECK(all_nan(alone.teacher));
            for (const auto r : {0, 2})
              CHECK((harness::same(
                  part_of(problem<T>{3, columns, got.student, got.teacher, bad.labels}, r, 1).student,
                  part_of(problem<T>{3, columns, clean.student, clean.teacher, bad.labels}, r, 1).student)));
          }
        }
      });
}

TEST_CASE_TEMPLATE("the largest finite logits give no NaN, and a value that is finite or +inf", T, float, double) {
  const T top = std::numeric_limits<T>::max(), low = std::numeric_limits<T>::lowest();
  struct pair {
    std::vector<T> student, teacher;
  };
  for (const pair& rows :
       {pair{{top, low, 0}, {low, top, 0}}, pair{{top, low, 1}, {top, low, 2}}, pair{{top, top, top}, {1, 2, 3}},
        pair{{low, low, low}, {1, 2, 3}}, pair{{1, 2, 3}, {low, top, low}}, pair{{top, 0, 0}, {0, 0, low}},
        pair{{low, low, low}, {top, top, top}}, pair{{1, low, 2}, {2, low, 1}}})
    for (const bool longer : {false, true})
      each_objective([&](const auto& objective, bool) {
        problem<T> p{1, longer ? 70 : 3, rows.student, rows.teacher, {0}};
        p.student.resize(static_cast<std::size_t>(p.columns), T(0)),
            p.teacher.resize(static_cast<std::size_t>(p.columns), T(0));
        const auto got = solve(objective, p);
        INFO(objective.info.name << ": student " << p.student[0] << ' ' << p.student[1] << ' ' << p.student[2]
                                 << ", teacher " << p.teacher[0] << ' ' << p.teacher[1] << ' ' << p.teacher[2]
                                 << ", value " << got.value);
        CHECK(got.value >= 0);
        CHECK(none_nan(got.student));
        CHECK(none_nan(got.teacher));
      });
}

TEST_CASE_TEMPLATE("a constant between student and teacher does not matter, however large", T, float, double) {
  for (const auto columns : few_lengths)
    each_objective([&](const auto& objective, bool) {
      auto p = random_problem<T>(1, columns, 46);
      for (T& z : p.student) z = std::round(z * 8) / 8;
      const auto before = solve(objective, p);
      auto moved = p;
      for (T& z : moved.student) z += T(10000);
      INFO(objective.info.name << ", " << columns << " columns");
      CHECK(harness::distance(solve(objective, moved), before, temperature) <= 16);
      // All digits gone: a constant student, wherever it lies.
      auto level = p, high = p;
      for (T& z : level.student) z = 0;
      for (T& z : high.student) z = T(1e30);
      const auto expected = solve(objective, level);
      CHECK(harness::distance(solve(objective, high), expected, temperature) <= 16);
      for (T& z : high.student) z = T(-1e30);
      CHECK(harness::distance(solve(objective, high), expected, temperature) <= 16);
    });
}

TEST_CASE_TEMPLATE("one class: nothing to learn", T, float, double) {
  each_objective([&](const auto& objective, bool) {
    const auto got = solve(objective, problem<T>{3, 1, {T(1.5), T(-200), T(1e20)}, {T(0), T(30), T(-7)}, {0, 0, 0}});
    INFO(objective.info.name);
    CHECK(std::abs(got.value) <= 1e-12);
    for (const T g : got.student) CHECK(std::abs(g) <= std::numeric_limits<T>::epsilon() * T(temperature));
    for (const T g : got.teacher) CHECK(std::abs(g) <= std::numeric_limits<T>::epsilon() * T(temperature));
  });
}

TEST_CASE_TEMPLATE("cross_entropy: a label on a masked class", T, float, double) {
  for (const auto columns : few_lengths)
    for (const double smoothing : {0.0, 0.25}) {
      auto p = random_problem<T>(1, columns, 47);
      p.labels = {3};
      p.student[3] = -infinity<T>;
      const auto got = solve(cross_entropy{.label_smoothing = smoothing, .temperature = temperature}, p);
      const auto s = student_softmax(p);
      INFO(columns << " columns, smoothing " << smoothing);
      CHECK(got.value == infinity<double>);
      const long double uniform = smoothing / static_cast<long double>(columns - 1);
      for (std::size_t c = 0; c < p.student.size(); ++c)
        CHECK(near(got.student[c], temperature * (c == 3 ? smoothing - 1 : s.p[c] - uniform)));
    }
}

TEST_CASE_TEMPLATE("cross_entropy: with all mass spread evenly the label may be masked", T, float, double) {
  auto p = random_problem<T>(1, 6, 48);
  p.labels = {3};
  p.student[3] = -infinity<T>;
  const auto got = solve(cross_entropy{.label_smoothing = 1, .temperature = temperature}, p);
  CHECK(std::isfinite(got.value));
  CHECK(got.student[3] == 0);
}
