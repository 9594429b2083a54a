#include <doctest/doctest.h>
#include <distill/select/certainty.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "harness/message.hpp"

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

std::vector<double> certainty_of(const std::vector<double>& logits, distill::index columns, double temperature = 1) {
  const auto rows = static_cast<distill::index>(logits.size()) / columns;
  std::vector<double> result(static_cast<std::size_t>(rows));
  distill::certainty(distill::matrix_view<const double>(logits.data(), rows, columns), result, temperature);
  return result;
}

}  // namespace

TEST_CASE("certainty: by hand") {
  // p = (1/2, 1/4, 1/4): H = 1.5 log 2.
  CHECK(certainty_of({std::log(2.0), 0, 0}, 3)[0] ==
        doctest::Approx(1 - 1.5 * std::log(2.0) / std::log(3.0)).epsilon(1e-14));
  CHECK(certainty_of({2 * std::log(2.0), 0, 0}, 3, 2)[0] ==
        doctest::Approx(1 - 1.5 * std::log(2.0) / std::log(3.0)).epsilon(1e-14));
  for (distill::index c = 2; c < 200; ++c) {  // never below 0, where what rounds might be
    const double w = certainty_of(std::vector<double>(static_cast<std::size_t>(c), 7.3), c)[0];
    CHECK(w >= 0);
    CHECK(w <= 1e-14);
  }
}

TEST_CASE("certainty: edges") {
  CHECK(certainty_of({1000, -1000, 0}, 3) == std::vector<double>{1});
  CHECK(certainty_of({-inf, 3, -inf}, 3) == std::vector<double>{1});
  CHECK(certainty_of({-inf, 3, 3, -inf}, 4)[0] == doctest::Approx(0.5).epsilon(1e-14));
  CHECK(certainty_of({3, -4}, 1) == std::vector<double>{1, 1});
  for (const double bad : {inf, std::nan("")}) {
    CHECK(std::isnan(certainty_of({1, bad, 2}, 3)[0]));
    CHECK(std::isnan(certainty_of({bad, 1, 2}, 3)[0]));
    CHECK(std::isnan(certainty_of({bad}, 1)[0]));
  }
  CHECK(std::isnan(certainty_of({-inf, -inf}, 2)[0]));
}

TEST_CASE("certainty: what does not fit") {
  const std::vector<double> z(6);
  std::vector<double> to(3);
  using harness::message_of;
  CHECK(message_of([&] { distill::certainty(distill::matrix_view<const double>(z.data(), 2, 3), to); }) ==
        "distill: certainty: to has 3 entries, logits has 2 rows");
  CHECK(message_of([&] { distill::certainty(distill::matrix_view<const double>(z.data(), 3, 2), to, 0); }) ==
        "distill: certainty: temperature is 0, finite and above 0 expected");
  CHECK(message_of([&] { distill::certainty(distill::matrix_view<const double>(z.data(), 3, 0), to); }) ==
        "distill: certainty: logits has 0 columns, at least 1 expected");
}
