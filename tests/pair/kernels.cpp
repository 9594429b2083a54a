// The CKA family.
#include <distill/objective/cka.hpp>
#include <distill/objective/hsic.hpp>
#include <distill/objective/kernel_alignment.hpp>
#include <distill/objective/rbf_cka.hpp>
#include <distill/pair/minibatch_cka.hpp>

#include "harness/pair.hpp"

namespace pair_tests {

using distill::feature_pair;
using distill::feature_shape;
using distill::index;
using distill::matrix_view;
using harness::feature_problem;
using harness::parameters;

TEST_CASE("cka") {
  harness::pair_battery(distill::cka{});
  harness::pair_battery(distill::cka{}, {.student = {13, 3}, .teacher = {13, 4}, .larger = {70, 9}});  // d×d products
  harness::pair_battery(distill::cka{.unbiased = true});
  harness::pair_references("cka", [](const parameters& p) { return distill::cka{p["unbiased"] != 0}; },
                           {.gradient = 400});
}

TEST_CASE("rbf_cka") {
  harness::pair_battery(distill::rbf_cka{.width = 2});
  harness::pair_battery(distill::rbf_cka{.width = 2, .unbiased = true});
  harness::pair_references("rbf_cka",
                           [](const parameters& p) {
                             return distill::rbf_cka{p["width"], p["median_share"], p["unbiased"] != 0};
                           },
                           {.gradient = 400});
}

TEST_CASE("hsic") {
  harness::pair_battery(distill::hsic{});
  harness::pair_battery(distill::hsic{.unbiased = true});
  harness::pair_references("hsic", [](const parameters& p) { return distill::hsic{p["unbiased"] != 0}; });
}

TEST_CASE("kernel_alignment") {
  harness::pair_battery(distill::kernel_alignment{});
  harness::pair_references("kernel_alignment", [](const parameters&) { return distill::kernel_alignment{}; });
}

template <class T>
feature_problem<T> samples(index rows, index columns, std::uint64_t seed) {
  return harness::random_features<T>({feature_shape{rows, columns}, feature_shape{rows, columns + 3}}, 1, seed);
}

TEST_CASE("cka: what is not defined is 1, and pulls on nothing") {
  const auto check = [](const auto& objective, const auto& p) {
    const auto answer = harness::solve(objective, p);
    CHECK(answer.value == 1);
    for (const auto& g : answer.gradient) CHECK(std::all_of(g.begin(), g.end(), [](double x) { return x == 0; }));
  };
  for (const bool unbiased : {false, true}) {
    auto constant = samples<double>(6, 4, 1);
    for (index r = 0; r < 6; ++r)
      for (index c = 0; c < 4; ++c) constant.at(0, r, c) = 0.1 + 1e4 * static_cast<double>(c);
    check(distill::cka{unbiased}, constant);
    check(distill::rbf_cka{.unbiased = unbiased}, constant);
    for (const index rows : unbiased ? std::vector<index>{1, 2, 3} : std::vector<index>{1}) {
      check(distill::cka{unbiased}, samples<double>(rows, 4, 2));
      check(distill::rbf_cka{.unbiased = unbiased}, samples<double>(rows, 4, 2));
    }
  }
  auto many = samples<double>(40, 3, 1);  // d×d products
  std::fill(many.data[0].begin(), many.data[0].end(), 7.0);
  check(distill::cka{}, many);
  CHECK(harness::solve(distill::hsic{true}, samples<double>(3, 4, 2)).value == 0);
  CHECK(harness::solve(distill::hsic{}, samples<double>(1, 4, 2)).value == 0);
}

TEST_CASE("cka: both forms agree, whatever the batch is cut into") {
  const auto p = samples<double>(40, 9, 3);
  const auto wide = samples<double>(40, 60, 3);
  const matrix_view<const double> x(p.data[0].data(), 40, 9), y(p.data[1].data(), 40, 12);
  // The same Gram matrices with columns of zeros: the engine takes the other form.
  feature_problem<double> padded{1, {feature_shape{40, 90}, feature_shape{40, 90}}, {}};
  for (const std::size_t side : {0u, 1u}) {
    padded.data[side].assign(40 * 90, 0.0);
    for (index r = 0; r < 40; ++r)
      for (index c = 0; c < p.shape[side].columns; ++c)
        padded.at(side, r, c) = p.data[side][static_cast<std::size_t>(r * p.shape[side].columns + c)];
  }
  CHECK(harness::solve(distill::cka{}, p).value ==
        doctest::Approx(harness::solve(distill::cka{}, padded).value).epsilon(1e-13));
}

TEST_CASE("cka: unbiased estimates of independent data average to 0, for 8 to 256 samples") {
  for (const index rows : {8, 16, 64, 256}) {
    const int trials = rows > 100 ? 40 : 200;
    double sum = 0, squares = 0, biased = 0;
    for (int trial = 0; trial < trials; ++trial) {
      const auto p = samples<float>(rows, 16, 1000 + static_cast<std::uint64_t>(trial));
      const double alignment = 1 - distill::value(distill::cka{.unbiased = true}, harness::inputs_of(p));
      sum += alignment, squares += alignment * alignment;
      biased += 1 - distill::value(distill::cka{}, harness::inputs_of(p));
    }
    const double mean = sum / trials;
    const double error = std::sqrt((squares / trials - mean * mean) / (trials - 1));
    INFO(rows << " samples: " << mean << " ± " << error << ", biased " << biased / trials);
    CHECK(std::abs(mean) <= 3 * error);
    CHECK(biased / trials > 10 * error);  // the test would notice
  }
}

TEST_CASE("minibatch_cka: one batch is the unbiased value; its gradient is the value's slope") {
  auto p = samples<double>(10, 4, 5);
  auto q = samples<double>(7, 4, 6);
  const auto x = [](feature_problem<double>& of) {
    return matrix_view<const double>(of.data[0].data(), of.shape[0].rows, of.shape[0].columns);
  };
  const auto y = [](feature_problem<double>& of) {
    return matrix_view<const double>(of.data[1].data(), of.shape[1].rows, of.shape[1].columns);
  };
  distill::pair_workspace<double> workspace;
  distill::minibatch_cka one;
  CHECK(one.value() == 0);
  one.add(x(p), y(p), workspace);
  CHECK(1 - one.value() ==
        doctest::Approx(distill::value(distill::cka{.unbiased = true}, harness::inputs_of(p))).epsilon(1e-13));
  const auto both = [&] {
    distill::minibatch_cka cka;
    cka.add(x(p), y(p), workspace);
    cka.add(x(q), y(q), workspace);
    return cka;
  };
  std::vector<double> gradient(p.size(0)), slopes;
  both().gradient(x(p), y(p), matrix_view<double>(gradient.data(), 10, 4), workspace);
  for (double& entry : p.data[0]) {
    const double kept = entry;
    entry = kept + 1e-5;
    const double above = both().value();
    entry = kept - 1e-5;
    const double below = both().value();
    entry = kept;
    slopes.push_back(-(above - below) / 2e-5);
  }
  CHECK(harness::relative_distance(gradient, slopes) <= 1e-7);
  CHECK(harness::message_of([&] { one.add(x(p), y(q), workspace); }) == "distill: y has 7 rows, x has 10");
  auto three = samples<double>(3, 4, 5);
  CHECK(harness::message_of([&] { one.add(x(three), y(three), workspace); }) ==
        "distill: x has 3 rows, at least 4 are needed");
}

}  // namespace pair_tests
