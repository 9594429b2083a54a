// Objectives on features before the ReLU: which side of 0 they lie on.
#include <distill/objective/activation_boundary.hpp>
#include <distill/objective/overhaul.hpp>
#include <distill/target/ofd_margin.hpp>

#include "harness/pair.hpp"

namespace {

using distill::feature_shape;
using distill::index;

harness::pair_battery_options of_small_maps() {
  return {.items = 2, .student = {3, 6, 2, 3}, .teacher = {3, 6, 2, 3}, .larger = {70, 35, 5, 7}};
}

TEST_CASE("activation_boundary") {
  // Of these entries, multiples of 1/64, no teacher is 0, and with this margin no student lies on a kink.
  harness::pair_battery(distill::activation_boundary{.margin = 0.7}, of_small_maps());
  harness::pair_references("activation_boundary", [](const harness::parameters& p) {
    return distill::activation_boundary{.margin = p["margin"]};
  });
  const auto p = harness::random_features<double>({feature_shape{2, 3}, feature_shape{2, 3}}, 1, 1);
  CHECK(harness::message_of([&] { harness::solve(distill::activation_boundary{.margin = -1}, p); }) ==
        "distill: squared_hinge: margin is -1, must be finite and not negative");
}

TEST_CASE("overhaul") {
  harness::pair_battery(distill::overhaul{.margins = -0.3}, of_small_maps());
  harness::pair_battery(distill::overhaul{}, of_small_maps());
}

TEST_CASE_TEMPLATE("overhaul: one margin a channel, against 50-digit references", T, float, double) {
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const harness::pair_reference& one : harness::pair_reference_cases("overhaul")) {
    harness::feature_problem<T> p{one.inputs.items, one.inputs.shape, {}};
    for (std::size_t i = 0; i < harness::pair_inputs; ++i)
      for (const double x : one.inputs.data[i]) p.data[i].push_back(static_cast<T>(x));
    const auto got = harness::solve(distill::overhaul{.margins = one.other("margins")}, p);
    CHECK(got.value == doctest::Approx(one.value).epsilon(32 * epsilon));
    CHECK(harness::relative_distance(got.gradient[0], one.gradient[0].second) <= 32 * epsilon);
    CHECK(harness::relative_distance(got.gradient[1], one.gradient[1].second) <= 32 * epsilon);
  }
}

TEST_CASE("overhaul: errors") {
  const auto message = [](const distill::row_parameter& margins) {
    const auto p = harness::random_features<double>({feature_shape{3, 4}, feature_shape{3, 4}}, 1, 2);
    return harness::message_of([&] { harness::solve(distill::overhaul{.margins = margins}, p); });
  };
  const std::vector<double> two{-1, -1}, positive{-1, -1, 0.5}, invalid{-1, NAN, -1};
  CHECK(message(two) == "distill: margins has 2 entries, the batch has 3 rows");
  CHECK(message(positive) == "distill: margins[2] is 0.5, must not be positive");
  CHECK(message(invalid) == "distill: margins[1] is nan, must not be positive");
}

TEST_CASE("ofd_margin") {
  std::ifstream file = harness::detail::open_reference("pair/ofd_margin");
  int lines = 0;
  for (double beta, gamma, margin; file >> beta >> gamma >> margin; ++lines) {
    CAPTURE(beta);
    CAPTURE(gamma);
    CHECK(distill::ofd_margin(beta, gamma) == doctest::Approx(margin).epsilon(2e-14));
    CHECK(distill::ofd_margin(beta, -gamma) == distill::ofd_margin(beta, gamma));
  }
  CHECK(lines >= 20);
  // Far out it is −γ²/β, and the two forms meet.
  CHECK(distill::ofd_margin(1e200, 1e10) == doctest::Approx(-1e-180));
  CHECK(distill::ofd_margin(1, 1e-320) == 0);
  CHECK(distill::ofd_margin(-1, 1e-320) == -1);
  CHECK(distill::ofd_margin(2 + 1e-13, 1) == doctest::Approx(distill::ofd_margin(2, 1)).epsilon(1e-12));
  CHECK(distill::ofd_margin(3, 0) == 0);
  CHECK(distill::ofd_margin(-3, 0) == -3);
  CHECK(distill::ofd_margin(HUGE_VAL, 2) == 0);
  CHECK(distill::ofd_margin(-HUGE_VAL, 2) == -HUGE_VAL);
  CHECK(distill::ofd_margin(1, HUGE_VAL) == -HUGE_VAL);
  CHECK(std::isnan(distill::ofd_margin(NAN, 0)));
  CHECK(std::isnan(distill::ofd_margin(0, NAN)));
  // Published code jumps where hardly anything is negative.
  constexpr auto published = distill::margin_tail::published;
  CHECK(distill::ofd_margin(3.09, 1, published) == distill::ofd_margin(3.09, 1));
  CHECK(distill::ofd_margin(3.1, 0.5, published) == -1.5);
  CHECK(distill::ofd_margin(-3, 0, published) == -3);
}

}  // namespace
