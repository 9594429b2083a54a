// Every objective of the catalogue in double, for whoever asks for all of them: they are compiled once.
#include <doctest/doctest.h>

#include <distill/catalogue.hpp>
#include <distill/row/adaptor.hpp>

#include "harness/degenerate.hpp"
#include "harness/second_order.hpp"

TEST_CASE("degenerate rows in double") {
  distill::catalogue::each([](const auto& objective) { harness::check_degenerate_rows<double>(objective); });
}

namespace harness::second_order {

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
      facts_of(objective),
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

}  // namespace harness::second_order
