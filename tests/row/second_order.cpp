// Every row objective on dual numbers: the slopes of its gradients are Hessian–vector products.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <distill/catalogue.hpp>
#include <distill/row/adaptor.hpp>

#include "harness/problem.hpp"

namespace second_order {

using namespace distill;
using distill::index;  // not that of <strings.h>
using number = dual<double>;

/// Two rows in general position; class 1 of the second is masked on both sides.
harness::problem<double> two_rows(index columns, std::uint64_t seed = 41) {
  auto p = harness::random_problem<double>(2, columns, seed, 1);
  const random_stream noise(seed + 1);  // no ties
  for (std::size_t i = 0; i < p.student.size(); ++i)
    p.student[i] += 0.01 * noise.normal(2 * i), p.teacher[i] += 0.01 * noise.normal(2 * i + 1);
  p.student_at(1, 1) = p.teacher_at(1, 1) = -harness::infinity<double>;
  if (p.labels[1] == 1) p.labels[1] = 0;
  return p;
}

/// What a problem moves along.
struct direction {
  std::vector<double> student, teacher;
};
direction direction_of(const harness::problem<double>& p, bool student, bool teacher) {
  const random_stream to_student(51), to_teacher(52);
  direction v{std::vector<double>(p.student.size()), std::vector<double>(p.student.size())};
  for (std::size_t i = 0; i < p.student.size(); ++i) {
    if (student) v.student[i] = to_student.normal(i);
    if (teacher) v.teacher[i] = to_teacher.normal(i);
  }
  return v;
}
harness::problem<double> moved(harness::problem<double> p, const direction& v, double step) {
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
answer<T> solve(const harness::facts& claimed, const loss_on<T>& loss, const harness::problem<double>& p,
                std::vector<T> student, std::vector<T> teacher) {
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
  harness::facts claimed;
  loss_on<double> plain;
  loss_on<number> twice;

  answer<double> at(const harness::problem<double>& p) const { return solve(claimed, plain, p, p.student, p.teacher); }
  answer<number> along(const harness::problem<double>& p, const direction& v) const {
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
  return {harness::facts_of(objective),
          [objective](const batch<double>& in, const gradients<double>& out) { return evaluate(objective, in, out); },
          [objective](const batch<number>& in, const gradients<number>& out) { return evaluate(objective, in, out); }};
}

/// Fourth-order central differences of the gradient in double, on the scale of the largest slope or gradient.
void slopes_are_differences(const any_loss& loss, const harness::problem<double>& p) {
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
void slopes_are_differences(const any_loss& loss) {
  for (const index columns : {3, 20}) slopes_are_differences(loss, two_rows(columns));
}
template <class Objective, class... Problem>
void check(const Objective& objective, const Problem&... problem) {
  slopes_are_differences(loss_of(objective), problem...);
}

/// (diag p − p pᵀ) v, p the softmax of a row at a temperature.
std::vector<double> fisher(const harness::problem<double>& p, const std::vector<double>& v, double temperature) {
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
void is_fisher(const any_loss& loss, const harness::problem<double>& p, double temperature, double share, bool equal) {
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

TEST_CASE("every objective's gradient has its derivative for slopes") {
  catalogue::each([]<class Objective>(const Objective& objective) {
    CAPTURE(std::string(Objective::info.name));
    check(objective);
  });
}

TEST_CASE("at other parameters, which take other branches") {
  check(alpha_beta{.alpha = 0, .beta = 0.7});
  check(alpha_beta{.alpha = -0.5, .beta = 1.5});
  check(alpha_beta{.alpha = 0.4, .beta = -0.4});
  check(amari_alpha{.alpha = 2});
  check(beta_divergence{.beta = 0.5});
  check(jensen_shannon{.beta = 0.3});
  check(renyi{.alpha = 2});
  check(smooth_l1{.beta = 0.1});
  check(wasserstein_1d{.power = 2});
  check(uld{.head = 2});
  check(adaptive_kl{.head_mass = 0.8, .temperature = 2});
  check(cross_entropy{.label_smoothing = 0.1, .temperature = 2});
  check(focal{.gamma = 0.5});
  check(ofa{.gamma = 1.5, .form = ofa_form::code});
  check(logistic_rank{.pairs = rank_pairs::label_first});
  check(pld{.weights = list_weights::uniform, .head = 2});
  for (const auto each : {top_k::raw_mass, top_k::teacher_renormalised, top_k::both_renormalised})
    check(top_k_kl{.convention = each, .temperature = 2});
}

TEST_CASE("rows that lie far apart, and lists whose exponentials leave the range") {
  for (const double offset : {100.0, 300.0, 900.0}) {  // by the kernel's rebasing; PLD in double, and in logarithms
    auto p = two_rows(20);
    for (index c = 0; c < p.columns; ++c) p.student_at(0, c) += c % 2 ? 0 : offset;
    CAPTURE(offset);
    check(kl{}, p);
    check(pld{}, p);
    check(pld{.weights = list_weights::uniform}, p);
  }
}

TEST_CASE("sums, adaptors, combinations") {
  check(0.9 * kl{.temperature = 4} + 0.1 * cross_entropy{.temperature = 2} + 0.5 * logit_mse{});
  check(standardised(kl{.temperature = 2}));
  check(standardised(0.5 * cross_entropy{.label_smoothing = 0.1} + 2.0 * uld{}));
  check(substituted(input::student, row_mix{.mix = {0.75, 0.25}}, reverse_kl{.temperature = 2}));
  const std::vector<int> chosen{1, 1, 1, 0, 1};
  auto p = two_rows(5);
  check(over_classes(chosen, kl{.temperature = 2}), p);
  // A weight of 0 whose derivative is not: it still has a slope.
  const auto gap = []<class Number>(const std::array<Number, 2>& v) {
    const Number d = v[0] - v[1];
    return folded<2, Number>{d * d, {2 * d, -2 * d}};
  };
  for (index c = 0; c < 5; ++c) p.student_at(0, c) = p.teacher_at(0, 4 - c) = 0.5 * static_cast<double>(c);
  p.teacher_at(1, 1) = p.student_at(1, 1) = 0.125;
  check(combine(gap, kl{}, reverse_kl{}), p);
}

TEST_CASE("where the Hessian is known") {
  for (const index columns : {3, 20}) {
    auto p = two_rows(columns);
    is_fisher(loss_of(kl{.temperature = 2}), p, 2, 1, false);
    is_fisher(loss_of(cross_entropy{}), p, 1, 1, false);
    p.student = p.teacher;  // every divergence's is a multiple of Fisher's information
    is_fisher(loss_of(kl{.temperature = 2}), p, 2, 1, true);
    is_fisher(loss_of(reverse_kl{.temperature = 2}), p, 2, 1, true);
    is_fisher(loss_of(jeffreys{}), p, 1, 2, true);
    is_fisher(loss_of(jensen_shannon{}), p, 1, 0.25, true);
    is_fisher(loss_of(skew_kl{.lambda = 0.1}), p, 1, 0.81, true);
    is_fisher(loss_of(skew_reverse_kl{.lambda = 0.1}), p, 1, 0.81, true);
    is_fisher(loss_of(squared_hellinger{}), p, 1, 0.25, true);
    is_fisher(loss_of(pearson_chi2{}), p, 1, 2, true);
    is_fisher(loss_of(neyman_chi2{}), p, 1, 2, true);
    is_fisher(loss_of(f_divergence<>{}), p, 1, 0.5, true);
    is_fisher(loss_of(renyi{.alpha = 0.5}), p, 1, 0.5, true);
    is_fisher(loss_of(amari_alpha{}), p, 1, 1, true);
    is_fisher(loss_of(bhattacharyya{}), p, 1, 0.25, true);
  }
}

TEST_CASE("dual<float>, columns side by side, and the two calls") {
  const auto p = two_rows(20);
  const direction v = direction_of(p, true, true);
  const kl objective{.temperature = 2};
  const auto expected = loss_of(objective).along(p, v);
  std::vector<dual<float>> student_f, teacher_f;
  for (std::size_t i = 0; i < 40; ++i) {
    student_f.emplace_back(number(p.student[i], v.student[i]));
    teacher_f.emplace_back(number(p.teacher[i], v.teacher[i]));
  }
  const auto single = solve<dual<float>>(
      harness::facts_of(objective),
      [&](const auto& in, const auto& out) {
        return value_and_gradient(objective, in, out, {.reduction = reduction::sum()}).value;
      },
      p, student_f, teacher_f);
  CHECK(std::abs(single.value.slope - expected.value.slope) <= 1e-6);
  for (std::size_t i = 0; i < expected.student.size(); ++i) {
    CHECK(std::abs(static_cast<double>(single.student[i].slope) - expected.student[i].slope) <= 1e-6);
    CHECK(std::abs(static_cast<double>(single.teacher[i].slope) - expected.teacher[i].slope) <= 1e-6);
  }

  std::vector<number> student(40), teacher(40), gradient(40);  // class after class
  for (std::size_t i = 0; i < 40; ++i) {
    const std::size_t to = i % 20 * 2 + i / 20;
    student[to] = number(p.student[i], v.student[i]);
    teacher[to] = number(p.teacher[i], v.teacher[i]);
  }
  const batch<number> in{.student = matrix_view<const number>(student.data(), 2, 20, 1, 2),
                         .teacher = matrix_view<const number>(teacher.data(), 2, 20, 1, 2)};
  value_table<kl, number> table;
  values(objective, in, table);
  const std::vector<number> ones(2, number(1));
  gradients<number> out;
  out.student = matrix_view<number>(gradient.data(), 2, 20, 1, 2);
  distill::gradient(objective, in, table, {ones.data(), 2, 1}, out);
  CHECK(table(0, 0).slope + table(1, 0).slope == doctest::Approx(expected.value.slope).epsilon(1e-12));
  for (std::size_t i = 0; i < 40; ++i)
    CHECK(std::abs(gradient[i % 20 * 2 + i / 20].slope - expected.student[i].slope) <= 1e-14);
}

}  // namespace second_order
