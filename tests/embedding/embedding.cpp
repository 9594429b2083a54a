// Embeddings made small, by hand and beside numpy: tests/reference/recipes/retrieval.py.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <distill/embedding/hamming_scores.hpp>
#include <distill/embedding/int8_quantiser.hpp>
#include <distill/embedding/shorten.hpp>
#include <distill/embedding/sign_bits.hpp>

#include "harness/message.hpp"
#include "harness/recorded.hpp"

namespace embedding_tests {
namespace {

using distill::index;
using distill::int8_quantiser;
using distill::matrix_view;
using harness::message_of;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// A matrix that owns its numbers.
template <class T>
struct table {
  index rows, columns;
  std::vector<T> values;
  table(index r, index c, std::vector<T> v = {}) : rows(r), columns(c), values(std::move(v)) {
    values.resize(static_cast<std::size_t>(r * c));
  }
  matrix_view<T> view() { return {values.data(), rows, columns}; }
  matrix_view<const T> view() const { return {values.data(), rows, columns}; }
};

std::vector<std::int8_t> encoded(const int8_quantiser<double>& by, const std::vector<double>& row) {
  const table<double> x(1, std::ssize(row), row);
  table<std::int8_t> codes(1, std::ssize(row));
  by.encode(x.view(), codes.view());
  return codes.values;
}
std::vector<double> decoded(const int8_quantiser<double>& by, const std::vector<std::int8_t>& row) {
  const table<std::int8_t> codes(1, std::ssize(row), row);
  table<double> x(1, std::ssize(row));
  by.decode(codes.view(), x.view());
  return x.values;
}

/// As the Python side makes them.
constexpr index rows = 11, dimensions = 13, bytes = 2;
table<double> embeddings() {
  table<double> x(rows, dimensions);
  for (index i = 0; i < rows * dimensions; ++i) x.values[static_cast<std::size_t>(i)] = harness::number(i, 63);
  for (index r = 0; r < rows; ++r) x.view()(r, 4) = 0.25;
  x.view()(2, 5) = 0;
  x.view()(3, 6) = -0.0;
  return x;
}
std::vector<double> recorded(const std::string& wanted) { return harness::recorded("embedding").at(wanted); }
template <class T>
std::vector<double> as_double(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("shorten: the first dimensions at length 1") {
  const table<double> x(3, 4, {3, -4, 9, 9, /**/ 0, 0, 1, 2, /**/ 1e200, 1e200, 7, not_a_number});
  table<double> y(3, 2);
  distill::shorten(x.view(), y.view());
  const double half = std::sqrt(0.5);
  const std::vector<double> wanted{0.6, -0.8, 0, 0, half, half};
  for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(y.values[i] == doctest::Approx(wanted[i]).epsilon(1e-15));
  table<double> whole(3, 4);
  distill::shorten(x.view(), whole.view());
  CHECK(whole.values[4] == 0);
  CHECK(whole.values[6] == doctest::Approx(1 / std::sqrt(5.0)));
  CHECK(std::isnan(whole.values[11]));

  table<double> in_place = x;  // the first columns of x itself, and another storage order
  distill::shorten(in_place.view(), matrix_view<double>(in_place.values.data(), 3, 2, 4, 1));
  CHECK(in_place.values[0] == y.values[0]);
  CHECK(in_place.values[1] == y.values[1]);
  CHECK(in_place.values[2] == 9);
  const table<double> by_column(2, 2, {3, 8, -4, 6});
  table<double> z(2, 2);
  distill::shorten(matrix_view<const double>(by_column.values.data(), 2, 2, 1, 2), z.view());
  for (const auto& [at, value] : std::map<std::size_t, double>{{0, 0.6}, {1, -0.8}, {2, 0.8}, {3, 0.6}})
    CHECK(z.values[at] == doctest::Approx(value).epsilon(1e-15));

  table<float> f(1, 1);
  distill::shorten(table<float>(1, 2, {-5, 3}).view(), f.view());
  CHECK(f.values[0] == -1);
  distill::shorten(table<double>(0, 3).view(), table<double>(0, 2).view());  // nothing to do
}

TEST_CASE("int8_quantiser: ends, steps, out of range, a constant dimension") {
  const table<double> calibration(3, 3, {-1, 5, 0, /**/ 1, 5, 255, /**/ 0, 5, 128});
  const int8_quantiser<double> q(calibration.view());
  CHECK(q.dimensions() == 3);
  CHECK(q.ranges()(0, 0) == -1);
  CHECK(q.ranges()(1, 2) == 255);
  using codes = std::vector<std::int8_t>;
  CHECK(encoded(q, {-1, 5, 0}) == codes{-128, 0, -128});
  CHECK(encoded(q, {1, 5, 255}) == codes{127, 0, 127});
  CHECK(encoded(q, {0, 5, 128}) == codes{0, 0, 0});
  CHECK(encoded(q, {0, 7, 127.5}) == codes{0, 0, 0});  // towards 0: the step around it is twice as wide
  CHECK(encoded(q, {0, -7, 126.5}) == codes{0, 0, -1});
  CHECK(encoded(q, {0, 5, 129}) == codes{0, 0, 1});
  CHECK(encoded(q, {-9, 9, 1000}) == codes{-128, 0, 127});  // clamped, not wrapped
  CHECK(encoded(q, {inf, -inf, -inf}) == codes{127, 0, -128});
  CHECK(encoded(q, {-0.0, 5, -0.0}) == codes{0, 0, -128});

  CHECK(decoded(q, {-128, 0, -128}) == std::vector<double>{-1, 5, 0});
  CHECK(decoded(q, {127, 3, 127}) == std::vector<double>{1, 5, 255});
  CHECK(decoded(q, {0, -7, 0})[2] == doctest::Approx(128));
  CHECK(decoded(q, {0, 0, 1})[2] == doctest::Approx(129.5));
  CHECK(decoded(q, {0, 0, -1})[2] == doctest::Approx(126.5));
  for (int c = -128; c <= 127; ++c) {  // a code's number has that code
    const auto code = static_cast<std::int8_t>(c);
    CHECK(encoded(q, decoded(q, {code, 0, code})) == codes{code, 0, code});
  }
}

TEST_CASE("int8_quantiser: one row, tiny and huge ranges, floats") {
  const int8_quantiser<double> one(table<double>(1, 2, {3, -3}).view());
  CHECK(encoded(one, {4, -3}) == std::vector<std::int8_t>{0, 0});
  CHECK(decoded(one, {9, 9}) == std::vector<double>{3, -3});
  const double most = std::numeric_limits<double>::max(), least = std::numeric_limits<double>::denorm_min();
  const int8_quantiser<double> wide(table<double>(2, 2, {-most, 0, most, 1e3 * least}).view());
  CHECK(encoded(wide, {most, 0}) == std::vector<std::int8_t>{127, -128});
  CHECK(encoded(wide, {0, 1e3 * least}) == std::vector<std::int8_t>{0, 127});
  CHECK(decoded(wide, {127, 127}) == std::vector<double>{most, 1e3 * least});
  CHECK(std::isfinite(decoded(wide, {-60, 0})[0]));

  const int8_quantiser<float> single(table<float>(2, 1, {-0.1f, 0.3f}).view());
  table<std::int8_t> codes(2, 1);
  single.encode(table<float>(2, 1, {0.3f, 0.1f}).view(), codes.view());
  CHECK(codes.values == std::vector<std::int8_t>{127, 0});
  single.encode(table<float>(0, 1).view(), table<std::int8_t>(0, 1).view());  // no rows
}

TEST_CASE("sign_bits: first dimension in the highest bit, zeros behind the last") {
  const table<double> x(2, 10, {1, -1, 2, 0, -0.0, 3, -4, 5, /**/ -1, 1, /**/ -inf, inf, 0, 0, 0, 0, 0, 1e-300, 1, 0});
  table<std::uint8_t> codes(2, 2);
  distill::sign_bits(x.view(), codes.view());
  CHECK(codes.values == std::vector<std::uint8_t>{0b10100101, 0b01000000, 0b01000001, 0b10000000});
  table<std::int8_t> less(2, 2);
  distill::sign_bits(x.view(), less.view());
  CHECK(less.values == std::vector<std::int8_t>{0b10100101 - 128, 0b01000000 - 128, 0b01000001 - 128, 0});

  table<double> scores(2, 2);
  distill::hamming_scores(codes.view(), codes.view(), 10, scores.view());
  CHECK(scores.values == std::vector<double>{10, 10 - 2 * 6, 10 - 2 * 6, 10});
  table<double> again(2, 2);
  distill::hamming_scores(less.view(), less.view(), 10, again.view());
  CHECK(again.values == scores.values);

  const table<double> empty(3, 0);
  table<std::uint8_t> none(3, 0);
  distill::sign_bits(empty.view(), none.view());
  table<float> zeros(3, 3, std::vector<float>(9, 5));
  distill::hamming_scores(none.view(), none.view(), 0, zeros.view());
  CHECK(zeros.values == std::vector<float>(9, 0));
}

TEST_CASE("hamming_scores: long codes are those of short ones put together") {
  table<std::uint8_t> a(1, 19), b(1, 19);
  for (std::size_t i = 0; i < 19; ++i) {
    a.values[i] = static_cast<std::uint8_t>(37 * i + 11);
    b.values[i] = static_cast<std::uint8_t>(91 * i * i + 5);
  }
  table<int> whole(1, 1), part(1, 1);
  distill::hamming_scores(a.view(), b.view(), 152, whole.view());
  int sum = 0;
  for (index i = 0; i < 19; ++i) {
    distill::hamming_scores(matrix_view(a.values.data() + i, 1, 1), matrix_view(b.values.data() + i, 1, 1), 8,
                            part.view());
    sum += part.values[0];
  }
  CHECK(whole.values[0] == sum);
  table<std::uint8_t> opposite = a;
  for (auto& byte : opposite.values) byte = static_cast<std::uint8_t>(~byte);
  distill::hamming_scores(a.view(), opposite.view(), 152, whole.view());
  CHECK(whole.values[0] == -152);
}

TEST_CASE("codes and shortened embeddings beside numpy") {
  const table<double> x = embeddings();
  table<std::int8_t> small(rows, dimensions), less(rows, bytes);
  table<std::uint8_t> bits(rows, bytes);
  int8_quantiser<double>(x.view()).encode(x.view(), small.view());
  distill::sign_bits(x.view(), bits.view());
  distill::sign_bits(x.view(), less.view());
  CHECK(as_double(small.values) == recorded("int8"));
  CHECK(as_double(bits.values) == recorded("bits"));
  CHECK(as_double(less.values) == recorded("bits_signed"));
  table<double> scores(rows, rows);
  for (const int threads : {1, 3}) {
    distill::hamming_scores(bits.view(), bits.view(), dimensions, scores.view(), {.threads = threads});
    CHECK(scores.values == recorded("hamming"));
  }
  table<double> first(rows, 6);
  distill::shorten(x.view(), first.view());
  const auto wanted = recorded("shortened");
  REQUIRE(wanted.size() == first.values.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(std::abs(first.values[i] - wanted[i]) < 1e-15);
}

TEST_CASE("embeddings: what does not fit, nothing written") {
  table<double> x(2, 3, {1, 2, 3, 4, 5, 6});
  table<double> y(2, 4, std::vector<double>(8, 9));
  CHECK(message_of([&] { distill::shorten(x.view(), y.view()); }) ==
        "distill: shorten: to has 4 columns, 1 to the 3 of x expected");
  CHECK(message_of([&] { distill::shorten(x.view(), table<double>(3, 2).view()); }) ==
        "distill: shorten: to has 3 rows, x has 2");
  CHECK(message_of([&] { distill::shorten(x.view(), matrix_view<double>(y.values.data(), 2, 2, 1, 2)); }) ==
        "distill: shorten: to has column stride 2, 1 expected");
  CHECK(y.values == std::vector<double>(8, 9));

  CHECK(message_of([&] { int8_quantiser<double>{table<double>(0, 3).view()}; }) ==
        "distill: int8_quantiser: calibration is 0 x 3, at least 1 x 1 expected");
  CHECK(message_of([&] {
          int8_quantiser<double>{table<double>(1, 2, {1, inf}).view()};
        }) == "distill: int8_quantiser: calibration(0, 1) is inf, a number expected");
  const int8_quantiser<double> q(x.view());
  table<std::int8_t> codes(2, 3, std::vector<std::int8_t>(6, 77));
  x.values[5] = not_a_number;
  CHECK(message_of([&] { q.encode(x.view(), codes.view()); }) ==
        "distill: int8_quantiser::encode: x(1, 2) is NaN, a number expected");
  CHECK(message_of([&] { q.encode(y.view(), codes.view()); }) ==
        "distill: int8_quantiser::encode: x has 4 columns, the calibration had 3");
  CHECK(message_of([&] { q.decode(codes.view(), y.view()); }) ==
        "distill: int8_quantiser::decode: x is 2 x 4, codes is 2 x 3");
  CHECK(message_of([&] { distill::sign_bits(x.view(), codes.view()); }) ==
        "distill: sign_bits: codes is 2 x 3, 2 x 1 expected for 3 dimensions");
  table<std::int8_t> one(2, 1, {77, 77});
  CHECK(message_of([&] { distill::sign_bits(x.view(), one.view()); }) ==
        "distill: sign_bits: x(1, 2) is NaN, a number expected");
  CHECK(codes.values == std::vector<std::int8_t>(6, 77));
  CHECK(one.values == std::vector<std::int8_t>(2, 77));
  CHECK(message_of([&] { distill::hamming_scores(one.view(), one.view(), 9, y.view()); }) ==
        "distill: hamming_scores: queries has 1 columns, documents has 1, 2 expected for 9 dimensions");
  CHECK(message_of([&] { distill::hamming_scores(one.view(), one.view(), 8, y.view()); }) ==
        "distill: hamming_scores: scores is 2 x 4, 2 queries and 2 documents are given");
  CHECK(message_of([&] {
          const matrix_view<std::int8_t> strided(codes.values.data(), 2, 1, 1, 2);
          distill::hamming_scores(strided, strided, 8, table<double>(2, 2).view());
        }) == "distill: hamming_scores: queries has column stride 2, documents has 2, 1 expected");
}

}  // namespace embedding_tests
