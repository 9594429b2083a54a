// Objectives that carry points, probabilities and classes from student to teacher.
#include <distill/objective/class_transport.hpp>
#include <distill/objective/sinkd.hpp>
#include <distill/objective/sinkd_samples.hpp>
#include <distill/objective/sinkhorn.hpp>
#include <distill/objective/sinkhorn_divergence.hpp>

#include <numeric>

#include "harness/pair.hpp"

namespace transport_tests {

using distill::feature_shape;
using distill::ground_cost;
using distill::index;
using distill::matrix_view;
using distill::transport_gradient;
using distill::transport_status;
using distill::transport_value;
using harness::message_of;
using harness::parameters;
using harness::solve;
using numbers = std::vector<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();

ground_cost cost_named(const std::string& name) {
  return name == "l1"           ? ground_cost::l1
         : name == "l2"         ? ground_cost::l2
         : name == "squared_l2" ? ground_cost::squared_l2
                                : ground_cost::cosine;
}
transport_value value_named(const std::string& name) {
  return name == "cost" ? transport_value::cost : transport_value::entropic;
}
distill::epsilon_schedule annealing_of(const parameters& p) {
  return p.has("start") ? distill::epsilon_schedule{p["start"], p["ratio"]} : distill::epsilon_schedule{};
}

harness::feature_problem<double> points(const feature_shape& student, const feature_shape& teacher, index items = 1,
                                        std::uint64_t seed = 5) {
  return harness::random_features<double>({student, teacher}, items, seed);
}

/// The same with the teacher's rows (columns) in another order.
template <class T>
harness::feature_problem<T> turned(harness::feature_problem<T> p, bool columns) {
  const auto from = p;
  const feature_shape& s = p.shape[1];
  for (index i = 0; i < p.items; ++i)
    for (index r = 0; r < s.rows; ++r)
      for (index c = 0; c < s.columns; ++c)
        p.at(1, r, c, i) = from.data[1][static_cast<std::size_t>(
            (i * s.rows + (columns ? r : s.rows - 1 - r)) * s.columns + (columns ? s.columns - 1 - c : c))];
  return p;
}

template <class Objective>
void the_order_does_not_matter(const Objective& objective, const harness::feature_problem<double>& p, bool columns) {
  const auto expected = solve(objective, p), got = solve(objective, turned(p, columns));
  CHECK(got.value == doctest::Approx(expected.value).epsilon(1e-12));
  CHECK(harness::relative_distance(got.gradient[0], expected.gradient[0]) <= 1e-11);
  auto back = p;
  back.data[1] = got.gradient[1];
  CHECK(harness::relative_distance(turned(back, columns).data[1], expected.gradient[1]) <= 1e-11);
}

// ------------------------------------------------------------------------------------------------ points

TEST_CASE("sinkhorn") {
  for (const ground_cost cost : {ground_cost::l1, ground_cost::l2, ground_cost::squared_l2, ground_cost::cosine}) {
    const distill::sinkhorn unrolled{
        .epsilon = 1, .iterations = 6, .cost = cost, .gradient = transport_gradient::unrolled};
    CAPTURE(static_cast<int>(cost));
    harness::pair_battery(unrolled, {.items = 2, .student = {4, 5}, .teacher = {6, 5}, .slopes = 1e-6});
  }
  harness::pair_battery(distill::sinkhorn{.epsilon = 2, .iterations = 400, .form = distill::transport_form::scaling},
                        {.student = {4, 5}, .teacher = {6, 5}, .larger = {0, 0}});
  for (const bool small : {false, true})
    harness::pair_references("sinkhorn",
                             [small](const parameters& p) {
                               const distill::sinkhorn made{.epsilon = p["epsilon"],
                                                            .iterations = static_cast<index>(p["iterations"]),
                                                            .cost = cost_named(p.word("cost")),
                                                            .value = value_named(p.word("value")),
                                                            .gradient = transport_gradient::unrolled,
                                                            .annealing = annealing_of(p)};
                               return small == (made.epsilon < 0.25) ? std::optional(made) : std::nullopt;
                             },
                             {.gradient = small ? 1e5 : 200});  // (C/ε)² roundings
}

TEST_CASE("sinkhorn: points have no order, large ε asks for the mean, small ε for the nearest") {
  const auto p = points({6, 3}, {4, 3}, 2);
  for (const ground_cost cost : {ground_cost::l1, ground_cost::cosine})
    the_order_does_not_matter(
        distill::sinkhorn{.epsilon = 0.5, .iterations = 500, .cost = cost, .value = transport_value::entropic}, p,
        false);
  double mean = 0;
  for (index item = 0; item < 2; ++item)
    for (index i = 0; i < 6; ++i)
      for (index j = 0; j < 4; ++j)
        for (index c = 0; c < 3; ++c) {
          auto q = p;
          mean += std::abs(q.at(0, i, c, item) - q.at(1, j, c, item)) / 48;
        }
  for (const transport_value value : {transport_value::entropic, transport_value::cost})
    CHECK(distill::value(distill::sinkhorn{.epsilon = 1e6,
                                           .iterations = 3,
                                           .cost = ground_cost::l1,
                                           .value = value,
                                           .gradient = transport_gradient::unrolled},
                         harness::inputs_of(p)) == doctest::Approx(mean).epsilon(1e-5));
  // Equal sets, in another order: nothing needs to be carried.
  auto same = points({6, 3}, {6, 3});
  same.data[1] = same.data[0];
  CHECK(distill::value(distill::sinkhorn{.epsilon = 1e-3,
                                         .iterations = 200,
                                         .value = transport_value::cost,
                                         .gradient = transport_gradient::unrolled},
                       harness::inputs_of(turned(same, false))) <= 1e-9);
}

TEST_CASE("sinkhorn: gradients agree at convergence") {
  const auto p = points({6, 3}, {5, 3});
  const auto with = [&](transport_value value, transport_gradient gradient) {
    return solve(distill::sinkhorn{.epsilon = 2, .iterations = 500, .value = value, .gradient = gradient}, p);
  };
  for (const auto value : {transport_value::entropic, transport_value::cost}) {
    const auto expected = with(value, transport_gradient::unrolled), got = with(value, transport_gradient::implicit);
    for (const std::size_t side : {0u, 1u})
      CHECK(harness::relative_distance(got.gradient[side], expected.gradient[side]) <= 1e-10);
  }
  const auto expected = with(transport_value::entropic, transport_gradient::unrolled);
  CHECK(harness::relative_distance(with(transport_value::entropic, transport_gradient::envelope).gradient[0],
                                   expected.gradient[0]) <= 1e-10);
}

TEST_CASE("sinkhorn_divergence") {
  harness::pair_battery(
      distill::sinkhorn_divergence{.epsilon = 1, .iterations = 6, .gradient = transport_gradient::unrolled},
      {.items = 2, .student = {4, 5}, .teacher = {6, 5}});
  harness::pair_battery(distill::sinkhorn_divergence{.epsilon = 3, .iterations = 600, .cost = ground_cost::l2},
                        {.student = {4, 5}, .teacher = {6, 5}, .larger = {0, 0}});
  harness::pair_references("sinkhorn_divergence",
                           [](const parameters& p) {
                             return distill::sinkhorn_divergence{.epsilon = p["epsilon"],
                                                                 .iterations = static_cast<index>(p["iterations"]),
                                                                 .cost = cost_named(p.word("cost")),
                                                                 .gradient = transport_gradient::unrolled,
                                                                 .annealing = annealing_of(p)};
                           },
                           {.value = 4000});  // of near sets: a difference
}

TEST_CASE("sinkhorn_divergence: nothing between equal sets, something between others") {
  for (const ground_cost cost : {ground_cost::l1, ground_cost::l2, ground_cost::squared_l2, ground_cost::cosine}) {
    CAPTURE(static_cast<int>(cost));
    const distill::sinkhorn_divergence few{.epsilon = 0.5, .iterations = 3, .cost = cost},
        many{.epsilon = 4, .iterations = 2000, .cost = cost};
    for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
      auto p = points({6, 3}, {6, 3}, 1, seed);
      CHECK(distill::value(many, harness::inputs_of(p)) > 1e-3);
      p.data[1] = p.data[0];
      CHECK(solve(few, p).value == 0);
      harness::equal_features_are_worth_zero(many, p);
      p.at(1, 2, 1) += 1e-3;
      CHECK(distill::value(many, harness::inputs_of(p)) > 0);
    }
  }
}

TEST_CASE("sinkhorn_divergence: value and gradient are those of three problems") {
  const auto p = points({6, 3}, {5, 3});
  for (const auto gradient : {transport_gradient::envelope, transport_gradient::unrolled}) {
    const distill::sinkhorn one{.epsilon = 0.7, .iterations = 9, .gradient = gradient};
    auto own = p, other = p;
    own.shape[1] = p.shape[0], own.data[1] = p.data[0];
    other.shape[0] = p.shape[1], other.data[0] = p.data[1];
    const auto across = solve(one, p), x = solve(one, own), y = solve(one, other);
    const auto got = solve(distill::sinkhorn_divergence{.epsilon = 0.7, .iterations = 9, .gradient = gradient}, p);
    CHECK(got.value == doctest::Approx(across.value - x.value / 2 - y.value / 2).epsilon(1e-13));
    numbers to_student = across.gradient[0], to_teacher = across.gradient[1];
    for (std::size_t k = 0; k < to_student.size(); ++k) to_student[k] -= (x.gradient[0][k] + x.gradient[1][k]) / 2;
    for (std::size_t k = 0; k < to_teacher.size(); ++k) to_teacher[k] -= (y.gradient[0][k] + y.gradient[1][k]) / 2;
    CHECK(harness::relative_distance(got.gradient[0], to_student) <= 1e-13);
    CHECK(harness::relative_distance(got.gradient[1], to_teacher) <= 1e-13);
  }
}

// ------------------------------------------------------------------------------------------------ probabilities

TEST_CASE("sinkd") {
  harness::pair_battery(distill::sinkd{}, {.items = 2, .student = {5, 4}, .teacher = {5, 4}});
  harness::pair_references("sinkd",
                           [](const parameters& p) {
                             return distill::sinkd{.temperature = p["temperature"],
                                                   .epsilon = p["epsilon"],
                                                   .iterations = static_cast<index>(p["iterations"]),
                                                   .scale = p["scale"],
                                                   .mean = p["mean"] != 0};
                           },
                           {.gradient = 1000});  // (1 + C/ε) roundings of slopes that nearly cancel
}

TEST_CASE("sinkd: one sample, many samples, classes without mass") {
  auto p = points({1, 4}, {1, 4});
  for (double& x : p.data[1]) x *= 3;
  double expected = 0;
  const auto softmax = [](numbers z) {
    double mass = 0;
    for (double& x : z) mass += x = std::exp(x / 2);
    for (double& x : z) x /= mass;
    return z;
  };
  const numbers a = softmax(p.data[0]), b = softmax(p.data[1]);
  for (std::size_t c = 0; c < 4; ++c) expected += std::abs(a[c] - b[c]);
  CHECK(solve(distill::sinkd{}, p).value == doctest::Approx(expected).epsilon(1e-14));

  p = points({6, 4}, {6, 4});
  const auto mean = solve(distill::sinkd{}, p);
  const auto published = solve(distill::sinkd{.scale = 0.001, .mean = false}, p);
  CHECK(published.value == doctest::Approx(0.006 * mean.value).epsilon(1e-14));
  for (std::size_t k = 0; k < mean.gradient[0].size(); ++k)
    CHECK(published.gradient[0][k] == doctest::Approx(0.006 * mean.gradient[0][k]).epsilon(1e-12));
  the_order_does_not_matter(distill::sinkd{}, p, false);

  for (index r = 0; r < 6; ++r) p.at(0, r, 2) = p.at(1, r, 2) = -infinity;
  auto without = points({6, 3}, {6, 3});
  for (const std::size_t side : {0u, 1u})
    for (index r = 0; r < 6; ++r)
      for (index c = 0; c < 3; ++c) without.at(side, r, c) = p.at(side, r, c + (c == 2));
  const auto masked = solve(distill::sinkd{}, p), expected_there = solve(distill::sinkd{}, without);
  CHECK(masked.value == doctest::Approx(expected_there.value).epsilon(1e-14));
  for (index r = 0; r < 6; ++r) CHECK(masked.gradient[0][static_cast<std::size_t>(4 * r + 2)] == 0);
}

TEST_CASE("sinkd_samples") {
  harness::pair_battery(distill::sinkd_samples{},
                        {.items = 2, .student = {3, 4}, .teacher = {3, 6}, .larger = {70, 9}});
  harness::pair_references("sinkd_samples", [](const parameters& p) {
    return distill::sinkd_samples{.temperature = p["temperature"],
                                  .epsilon = p["epsilon"],
                                  .iterations = static_cast<index>(p["iterations"]),
                                  .scale = p["scale"],
                                  .mean = p["mean"] != 0};
  });
}

TEST_CASE("sinkd_samples: classes have no order; for small ε they are compared as sorted") {
  const auto p = points({3, 5}, {3, 5});
  the_order_does_not_matter(distill::sinkd_samples{}, p, true);
  double expected = 0;
  for (std::size_t r = 0; r < 3; ++r) {
    std::array<numbers, 2> sorted;
    for (const std::size_t side : {0u, 1u}) {
      double mass = 0;
      for (std::size_t c = 0; c < 5; ++c) mass += sorted[side].emplace_back(std::exp(p.data[side][5 * r + c]));
      for (double& x : sorted[side]) x /= mass;
      std::sort(sorted[side].begin(), sorted[side].end());
    }
    for (std::size_t c = 0; c < 5; ++c) expected += std::abs(sorted[0][c] - sorted[1][c]) / 15;
  }
  CHECK(distill::value(distill::sinkd_samples{.temperature = 1, .epsilon = 1e-3, .iterations = 3000},
                       harness::inputs_of(p)) == doctest::Approx(expected).epsilon(1e-2));
}

// ------------------------------------------------------------------------------------------------ classes

TEST_CASE("class_transport") {
  const numbers line{0, 1, 2, 3, 1, 0, 1, 2, 2, 1, 0, 1, 3, 2, 1, 0};
  const matrix_view<const double> ground(line.data(), 4, 4);
  harness::pair_battery(
      distill::class_transport{
          .ground = ground, .epsilon = 0.5, .iterations = 6, .gradient = transport_gradient::unrolled},
      {.items = 2, .student = {3, 4}, .teacher = {3, 4}, .larger = {70, 4}});
  harness::pair_battery(distill::class_transport{.epsilon = 0.5, .iterations = 300},
                        {.student = {3, 4}, .teacher = {3, 4}, .larger = {9, 19}});
  harness::pair_references("class_transport", [](const harness::pair_reference& one) {
    const numbers& m = one.other("ground");
    const index classes = one.inputs.shape[0].columns;
    const parameters& p = one.parameters;
    return distill::class_transport{.ground = {m.data(), classes, classes},
                                    .temperature = p["temperature"],
                                    .epsilon = p["epsilon"],
                                    .iterations = static_cast<index>(p["iterations"]),
                                    .value = value_named(p.word("value")),
                                    .gradient = transport_gradient::unrolled};
  });
}

TEST_CASE("class_transport: classes one apart, classes without mass, rows that are not numbers") {
  auto p = points({3, 4}, {3, 4});
  numbers ones(16, 1.0);
  for (std::size_t c = 0; c < 4; ++c) ones[5 * c] = 0;
  const distill::class_transport plain{
      .epsilon = 0.01, .iterations = 3000, .value = transport_value::cost, .gradient = transport_gradient::implicit};
  auto given = plain;
  given.ground = {ones.data(), 4, 4};
  CHECK(harness::same_bits(solve(plain, p), solve(given, p)));
  double variation = 0;
  for (std::size_t r = 0; r < 3; ++r) {
    double mass[2] = {};
    for (const std::size_t side : {0u, 1u})
      for (std::size_t c = 0; c < 4; ++c) mass[side] += std::exp(p.data[side][4 * r + c]);
    for (std::size_t c = 0; c < 4; ++c)
      variation += std::abs(std::exp(p.data[0][4 * r + c]) / mass[0] - std::exp(p.data[1][4 * r + c]) / mass[1]) / 6;
  }
  CHECK(solve(plain, p).value == doctest::Approx(variation).epsilon(1e-3));

  for (const auto gradient : {transport_gradient::unrolled, transport_gradient::envelope}) {
    const distill::class_transport objective{.epsilon = 0.3, .iterations = 40, .gradient = gradient};
    auto masked = p;
    masked.at(0, 1, 2) = -infinity;  // on one side; a row of both
    masked.at(0, 2, 0) = masked.at(1, 2, 0) = -infinity;
    const auto got = solve(objective, masked);
    CHECK(std::isfinite(got.value));
    CHECK(got.gradient[0][6] == 0);
    CHECK(got.gradient[0][8] == 0);
    CHECK(got.gradient[1][8] == 0);
    CHECK(std::all_of(got.gradient[1].begin(), got.gradient[1].end(), [](double x) { return std::isfinite(x); }));
    for (index c = 0; c < 4; ++c) masked.at(0, 1, c) = -infinity;
    const auto nothing = solve(objective, masked);
    CHECK(std::isnan(nothing.value));
    CHECK(std::isnan(nothing.gradient[0][5]));
    CHECK(nothing.gradient[0][0] == got.gradient[0][0]);
  }
}

// ------------------------------------------------------------------------------------------------ what can go wrong

TEST_CASE("transport: a tolerance that is not reached is never silent") {
  const auto p = points({6, 3}, {5, 3}, 7);
  distill::sinkhorn objective{.epsilon = 0.01, .iterations = 2, .tolerance = 1e-9};
  std::string said;
  try {
    distill::value(objective, harness::inputs_of(p), {.execution = {.threads = 3}});
  } catch (const distill::convergence_error& error) {
    said = error.what();
  }
  CHECK(
      said.starts_with("distill: sinkhorn: 7 of 7 problems did not reach tolerance 1e-09 in 2 iterations, the largest "
                       "marginal error is "));
  distill::transport_report report, others;
  objective.report = &report;
  const double value = distill::value(objective, harness::inputs_of(p));
  CHECK(value == distill::value(distill::sinkhorn{.epsilon = 0.01, .iterations = 2}, harness::inputs_of(p)));
  CHECK(report.status == transport_status::not_converged);
  CHECK(report.problems == 7);
  CHECK(report.not_converged == 7);
  CHECK(report.iterations == 2);
  CHECK(report.marginal_error > 1e-3);
  objective.report = &others;
  distill::value(objective, harness::inputs_of(p), {.execution = {.threads = 4}});
  CHECK(others.marginal_error == report.marginal_error);
  CHECK(others.problems == 7);

  objective.epsilon = 5, objective.iterations = 500;  // the next call says nothing of this one
  distill::value(objective, harness::inputs_of(p));
  CHECK(others.status == transport_status::converged);
  CHECK(others.not_converged == 0);
  CHECK(others.iterations < 500);
  CHECK(others.marginal_error <= 1e-9);
  objective.tolerance = 0;
  distill::value(objective, harness::inputs_of(p));
  CHECK(others.status == transport_status::fixed_iterations);

  const auto rows = points({9, 4}, {9, 4}, 2);
  distill::value(distill::class_transport{.epsilon = 1, .tolerance = 1e-12, .report = &report},
                 harness::inputs_of(rows), {.execution = {.threads = 2}});
  CHECK(report.problems == 18);
  distill::value(distill::sinkhorn_divergence{.report = &report}, harness::inputs_of(p));
  CHECK(report.problems == 21);
  CHECK_THROWS_AS(distill::value(distill::sinkd_samples{.epsilon = 1e-3, .iterations = 1, .tolerance = 1e-6},
                                 harness::inputs_of(rows)),
                  distill::convergence_error);
  CHECK_THROWS_AS(
      distill::value(distill::sinkd{.epsilon = 1e-3, .iterations = 1, .tolerance = 1e-6}, harness::inputs_of(rows)),
      distill::convergence_error);
}

TEST_CASE("transport: padding takes no part") {
  auto p = points({5, 3}, {5, 3}, 2);
  for (const std::size_t side : {0u, 1u}) p.at(side, 3, 0, 1) = p.at(side, 4, 2, 1) = std::nan("");
  const std::vector<std::int32_t> lengths{5, 3};
  auto in = harness::inputs_of(p);
  in.valid_rows = lengths;
  const distill::sinkhorn_divergence objective{.epsilon = 0.5, .iterations = 20};
  double expected = 0;
  for (index item = 0; item < 2; ++item) {
    const index rows = lengths[static_cast<std::size_t>(item)];
    expected += distill::value(objective,
                               distill::feature_pair<double>{matrix_view<const double>(&p.at(0, 0, 0, item), rows, 3),
                                                             matrix_view<const double>(&p.at(1, 0, 0, item), rows, 3)});
  }
  CHECK(distill::value(objective, in) == doctest::Approx(expected / 2).epsilon(1e-14));
}

template <class Objective>
std::string says(const Objective& objective, feature_shape student, feature_shape teacher) {
  const numbers s(100, 0.5), t(100, 0.25);
  numbers g(100, 5.0);
  const std::string message = message_of([&] {
    distill::value_and_gradient(
        objective,
        distill::feature_pair<double>{harness::stack_of(s.data(), 1, student), harness::stack_of(t.data(), 1, teacher)},
        {.student = harness::stack_of(g.data(), 1, student)});
  });
  CHECK(std::all_of(g.begin(), g.end(), [](double x) { return x == 5; }));
  return message;
}

TEST_CASE("transport: errors") {
  const feature_shape s{5, 3};
  CHECK(says(distill::sinkhorn{}, s, {4, 4}) == "distill: student has 3 columns, teacher has 4");
  CHECK(says(distill::sinkhorn_divergence{}, s, {4, 4}) == "distill: student has 3 columns, teacher has 4");
  CHECK(says(distill::sinkd{}, s, {5, 4}) == "distill: student has 3 columns, teacher has 4");
  CHECK(says(distill::sinkd{}, s, {4, 3}) == "distill: sinkd: student has 5 rows, teacher has 4");
  CHECK(says(distill::sinkd_samples{}, s, {4, 3}) == "distill: student has 5 rows, teacher has 4");
  CHECK(says(distill::class_transport{}, s, {5, 4}) == "distill: student has 3 columns, teacher has 4");
  CHECK(says(distill::class_transport{}, s, {4, 3}) ==
        "distill: what is compared of the student is 5 x 3, of the teacher 4 x 3");
  CHECK(says(distill::sinkhorn{.epsilon = 0}, s, s) == "distill: sinkhorn: epsilon is 0, must be positive and finite");
  CHECK(says(distill::sinkhorn_divergence{.epsilon = -1}, s, s) ==
        "distill: sinkhorn: epsilon is -1, must be positive and finite");
  CHECK(says(distill::sinkd{.iterations = 0}, s, s) == "distill: sinkhorn: iterations is 0, must be at least 1");
  CHECK(says(distill::sinkd{.temperature = 0}, s, s) ==
        "distill: softmax_rows: temperature is 0, must be positive and finite");
  CHECK(says(distill::sinkd_samples{.tolerance = -1}, s, s) ==
        "distill: sinkhorn: tolerance is -1, must not be negative");
  CHECK(says(distill::sinkhorn{.value = transport_value::cost}, s, s) ==
        "distill: sinkhorn: gradient is envelope, that of the entropic value, but value is cost: take unrolled or "
        "implicit");
  numbers m(16, 1.0);
  const auto ground = [&](index rows, index columns) {
    return says(distill::class_transport{.ground = {m.data(), rows, columns}}, s, s);
  };
  CHECK(ground(3, 4) == "distill: ground is 3 x 4, must be square");
  CHECK(ground(4, 4) == "distill: ground is 4 x 4, the features have 3 columns");
  m[5] = std::nan("");
  CHECK(ground(3, 3) == "distill: ground(1, 2) is nan, must be finite");
  m[5] = infinity;
  CHECK(ground(3, 3) == "distill: ground(1, 2) is inf, must be finite");
}

}  // namespace transport_tests
