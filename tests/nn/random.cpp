#include <distill/core/random.hpp>

#include <numeric>
#include <span>

#include "support.hpp"

namespace nn_tests {

TEST_CASE("random_stream: a pure function of seed, stream and counter") {
  const random_stream a(7), b(7), c(8), d(7, 1);
  CHECK(a.bits(3) == b.bits(3));
  CHECK(a.bits(3) != a.bits(4));
  CHECK(a.bits(3) != c.bits(3));
  CHECK(a.bits(3) != d.bits(3));
  static_assert(random_stream(1).bits(0) == random_stream(1, 0).bits(0));
}

TEST_CASE("random_stream: the same bits on every platform") {
  // From an independent program in Python; normal with 40 digits is -0.30146801490451342332… and
  // -0.10546512683217506735…, so both are within an ulp of it.
  const random_stream r(2024, 5);
  CHECK(r.bits(0) == 0x539f62dfb8d44251u);
  CHECK(r.uniform(1) == 0x1.35ae18b6bed5p-1);
  CHECK(r.normal(2) == -0x1.34b40803383e8p-2);
  CHECK(r.normal(1000000) == -0x1.affc3369cd8ddp-4);
  std::vector<int> deck(8);
  std::iota(deck.begin(), deck.end(), 0);
  distill::shuffle(std::span(deck), r);
  CHECK(deck == std::vector<int>{6, 2, 0, 5, 1, 7, 3, 4});
}

TEST_CASE("random_stream: moments of uniform and normal") {
  const random_stream r(1);
  constexpr int n = 200000;
  bool inside = true;
  double uniform = 0, first = 0, second = 0, fourth = 0, beyond3 = 0;
  for (int i = 0; i < n; ++i) {
    const double u = r.uniform(static_cast<std::uint64_t>(i)), z = r.normal(static_cast<std::uint64_t>(i));
    inside = inside && u >= 0 && u < 1;
    uniform += u;
    first += z;
    second += z * z;
    fourth += z * z * z * z;
    beyond3 += std::abs(z) > 3;
  }
  CHECK(inside);
  CHECK(std::abs(uniform / n - 0.5) < 0.003);
  CHECK(std::abs(first / n) < 0.01);
  CHECK(std::abs(second / n - 1) < 0.015);
  CHECK(std::abs(fourth / n - 3) < 0.1);
  CHECK(std::abs(beyond3 / n - 0.0027) < 0.0005);
}

TEST_CASE("random_stream: below is in range, even, and refuses 0") {
  const random_stream r(3);
  std::vector<int> counts(7);
  for (std::uint64_t i = 0; i < 70000; ++i) ++counts[r.below(7, i)];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 400);
  // Nearly half of all words lie beyond the last whole multiple of this count.
  const std::uint64_t large = (std::uint64_t{1} << 63) + 1;
  for (std::uint64_t i = 0; i < 1000; ++i) CHECK(r.below(large, i) < large);
  CHECK(r.below(std::uint64_t{1} << 63, 4) == r.bits(4) % (std::uint64_t{1} << 63));
  CHECK_THROWS_AS(r.below(0, 0), argument_error);
}

TEST_CASE("shuffle: a permutation, each position uniform") {
  std::vector<int> hits(5);
  for (std::uint64_t seed = 0; seed < 10000; ++seed) {
    std::vector<int> deck{0, 1, 2, 3, 4};
    distill::shuffle(std::span(deck), random_stream(seed));
    ++hits[static_cast<std::size_t>(deck[2])];
    std::sort(deck.begin(), deck.end());
    CHECK(deck == std::vector<int>{0, 1, 2, 3, 4});
  }
  for (const int count : hits) CHECK(std::abs(count - 2000) < 200);
  std::vector<int> empty;
  distill::shuffle(std::span(empty), random_stream(1));
}

}  // namespace nn_tests
