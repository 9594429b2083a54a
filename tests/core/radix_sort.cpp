// Whatever sorts a row, the order is that of std::stable_sort.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <distill/core/radix_sort.hpp>
#include <distill/core/random.hpp>

namespace {

using distill::ranked;

template <class T>
std::vector<ranked<T>> expected(const std::vector<T>& values) {
  std::vector<ranked<T>> result;
  for (std::size_t c = 0; c < values.size(); ++c) result.push_back({values[c], static_cast<std::int32_t>(c)});
  std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.value > b.value; });
  return result;
}
template <class T>
bool same(const ranked<T>& a, const ranked<T>& b) {
  return a.value == b.value && a.column == b.column;
}

template <class T>
void check_order(const std::vector<T>& values, const char* kind) {
  const auto n = static_cast<distill::index>(values.size());
  std::vector<ranked<T>> out(values.size()), scratch(values.size());
  const auto wanted = expected(values);
  distill::sort_descending(values.data(), n, out.data(), scratch.data());
  INFO(std::string(kind) << ", " << n << " numbers of " << sizeof(T) << " bytes");
  CHECK(std::equal(out.begin(), out.end(), wanted.begin(), same<T>));
  for (const distill::index count : {distill::index(1), distill::index(2), n / 10, n / 2, n}) {
    if (count < 1 || count > n) continue;
    distill::sort_largest(values.data(), n, count, out.data(), scratch.data());
    CAPTURE(count);
    CHECK(std::equal(out.begin(), out.begin() + count, wanted.begin(), same<T>));
    std::vector<std::int32_t> columns;
    for (const auto& each : out) columns.push_back(each.column);
    std::sort(columns.begin(), columns.end());
    for (std::size_t c = 0; c < columns.size(); ++c) REQUIRE(columns[c] == static_cast<std::int32_t>(c));
    CHECK(std::none_of(out.begin() + count, out.end(),
                       [&](const auto& each) { return each < out[static_cast<std::size_t>(count - 1)]; }));
  }
}

template <class T>
void check_rows() {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  constexpr std::size_t lengths[] = {1, 2, 3, 7, 15, 16, 17, 40, 41, 80, 81, 160, 161, 250, 999, 1000, 5000, 40000};
  for (const std::size_t n : lengths) {
    const distill::random_stream random(7, n);
    const auto row = [&](auto f) {
      std::vector<T> values(n);
      for (std::size_t c = 0; c < n; ++c) values[c] = static_cast<T>(f(c));
      return values;
    };
    check_order(row([&](std::size_t c) { return 4 * random.normal(c); }), "normal");
    check_order(row([&](std::size_t c) { return std::exp(10 * random.normal(c)); }), "of many sizes");
    check_order(row([&](std::size_t c) { return std::round(random.normal(c)); }), "ties");
    check_order(row([&](std::size_t c) { return 1 + 1e-13 * random.normal(c); }), "nearly equal");
    check_order(row([&](std::size_t c) { return static_cast<double>(c); }), "ascending");
    check_order(row([&](std::size_t c) { return -static_cast<double>(c); }), "descending");
    check_order(row([](std::size_t) { return 3; }), "constant");
    check_order(row([](std::size_t c) { return c % 3 ? 0.0 : -0.0; }), "zeros of both signs");
    check_order(row([&](std::size_t c) {
                  return c % 4 == 0 ? -infinity : c % 4 == 1 ? infinity : static_cast<T>(random.normal(c));
                }),
                "infinities");
    check_order(row([&](std::size_t c) { return 2 + std::ldexp(random.normal(c), c % 3 ? -40 : -30); }),
                "equal but for the lowest bits, in long runs");
    check_order(row([&](std::size_t c) { return std::numeric_limits<T>::denorm_min() * static_cast<T>(c % 5); }),
                "subnormal");
  }
}

}  // namespace

TEST_CASE("sort_descending and sort_largest order as a stable sort does") {
  check_rows<float>();
  check_rows<double>();
}

TEST_CASE("sort_descending: NaN lies anywhere, every column once") {
  constexpr std::size_t lengths[] = {5, 60, 500, 3000};
  for (const std::size_t n : lengths) {
    std::vector<float> values(n);
    for (std::size_t c = 0; c < n; ++c)
      values[c] =
          c % 3 == 0 ? std::numeric_limits<float>::quiet_NaN() * (c % 2 ? 1.0f : -1.0f) : static_cast<float>(c % 7);
    std::vector<ranked<float>> out(n), scratch(n);
    for (const std::size_t count : {std::size_t(3), n}) {
      distill::sort_largest(values.data(), static_cast<distill::index>(n), static_cast<distill::index>(count),
                            out.data(), scratch.data());
      std::vector<int> seen(n);
      for (const auto& each : out) ++seen.at(static_cast<std::size_t>(each.column));
      CHECK(std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; }));
    }
  }
}
