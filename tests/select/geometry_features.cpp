#include <doctest/doctest.h>

#include <distill/select/geometry_features.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "harness/message.hpp"

namespace geometry_tests {
namespace {

using distill::geometry_features;
using distill::geometry_form;
using distill::index;
using distill::matrix_view;
using harness::message_of;

constexpr double inf = INFINITY;
constexpr auto full = geometry_form::vertices_and_squares, compact = geometry_form::sides_and_angles;

using row = std::vector<long double>;

row softmax(const row& z) {
  long double sum = 0;
  row p;
  for (const long double x : z) sum += std::exp(x);
  for (const long double x : z) p.push_back(std::exp(x) / sum);
  return p;
}
row minus(const row& a, const row& b) {
  row d;
  for (std::size_t c = 0; c < a.size(); ++c) d.push_back(a[c] - b[c]);
  return d;
}
long double dot(const row& a, const row& b) {
  long double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += a[c] * b[c];
  return sum;
}
/// By the law of cosines, from the three sides.
long double angle(const row& at, const row& a, const row& b) {
  const long double p = dot(minus(a, at), minus(a, at)), q = dot(minus(b, at), minus(b, at)),
                    opposite = dot(minus(a, b), minus(a, b));
  return p == 0 || q == 0 ? 0 : (p + q - opposite) / (2 * std::sqrt(p) * std::sqrt(q));
}
row plain(geometry_form form, const row& s, const row& t, const row& g, const row& m) {
  const std::vector<row> edges{minus(m, s), minus(g, s), minus(t, s), minus(t, g), minus(m, g)};
  row all;
  if (form == compact) {
    for (const row& e : edges) all.push_back(std::sqrt(dot(e, e)));
    for (const row& third : {t, m})
      for (const long double cosine : {angle(s, third, g), angle(third, s, g), angle(g, s, third)})
        all.push_back(cosine);
    return all;
  }
  for (const row& corner : {s, t, g, m}) all.insert(all.end(), corner.begin(), corner.end());
  for (const row& e : edges)
    for (const long double d : e) all.push_back(d * d);
  return all;
}

template <class T>
std::vector<T> features(geometry_form form, index classes, const std::vector<T>& table, const std::vector<T>& student,
                        const std::vector<T>& teacher, const std::vector<int>& truth) {
  geometry_features<T> geometry({table.data(), classes, classes}, form);
  const auto n = static_cast<index>(truth.size());
  std::vector<T> to(static_cast<std::size_t>(n * geometry.width()), T(-7));
  geometry({student.data(), n, classes}, {teacher.data(), n, classes}, truth, {to.data(), n, geometry.width()});
  return to;
}

}  // namespace

TEST_CASE_TEMPLATE("geometry_features: both forms are what their definitions say", T, float, double) {
  constexpr index classes = 5, n = 6;
  std::vector<T> student, teacher, table;
  std::vector<int> truth;
  for (int i = 0; i < n * classes; ++i) {
    student.push_back(static_cast<T>(3 * std::sin(1 + 1.7 * i)));
    teacher.push_back(static_cast<T>(6 * std::cos(2 + 2.3 * i)));
  }
  for (int i = 0; i < n; ++i) truth.push_back((3 * i + 1) % classes);
  for (index y = 0; y < classes; ++y)
    for (index c = 0; c < classes; ++c) table.push_back(static_cast<T>(y == 2 ? 0 : c == y ? 0.5 : 0.125));
  for (const geometry_form form : {full, compact}) {
    const std::vector<T> got = features(form, classes, table, student, teacher, truth);
    const std::size_t width = form == full ? 9 * classes : 11;
    for (std::size_t i = 0; i < n; ++i) {
      const auto from = [&](const std::vector<T>& of, std::size_t r) {
        return row(of.begin() + static_cast<std::ptrdiff_t>(r * classes),
                   of.begin() + static_cast<std::ptrdiff_t>((r + 1) * classes));
      };
      const auto y = static_cast<std::size_t>(truth[i]);
      row g(classes), mean = from(table, y);
      g[y] = 1;
      if (y == 2) mean.assign(classes, 0.2L);  // never seen
      const row wanted = plain(form, softmax(from(student, i)), softmax(from(teacher, i)), g, mean);
      REQUIRE(wanted.size() == width);
      for (std::size_t k = 0; k < width; ++k) {
        CAPTURE(k);
        const double bound = sizeof(T) == 4 ? 1e-7 : 1e-14;
        CHECK(std::abs(static_cast<double>(got[i * width + k] - wanted[k])) <= bound);
      }
    }
  }
}

TEST_CASE("geometry_features: points that coincide, masked and wild logits, one class") {
  const std::vector<double> table{0.75, 0.25, 0, 0.1, 0.9, 0, 0, 0, 0};
  const std::vector<double> same{1, 2, -inf, 1, 2, -inf, 1, 2, -inf};
  std::vector<double> got = features<double>(compact, 3, table, same, same, {0, 1, 2});
  for (std::size_t i = 0; i < 3; ++i) {
    const double* f = got.data() + 11 * i;
    CHECK(f[2] == 0);  // S = 𝒯: 0/0 at both, and at G an angle of none
    CHECK(f[5] == 0);
    CHECK(f[6] == 0);
    CHECK(f[7] == doctest::Approx(1));
    CHECK(f[3] == f[1]);
    for (int k = 0; k < 11; ++k) CHECK(std::abs(f[k]) <= 1.5);
  }
  // All four in the same corner, by logits that leave nothing to the others.
  const std::vector<double> corner{1e300, -1e300, -inf}, sure{1, 0, 0, 0, 1, 0, 0, 0, 1};
  got = features<double>(compact, 3, sure, corner, corner, {0});
  CHECK(got == std::vector<double>(11, 0.0));
  got = features<double>(full, 3, sure, corner, {0, 0, 0}, {0});
  const std::vector<double> corners{1, 0, 0, 1.0 / 3, 1.0 / 3, 1.0 / 3, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
  for (std::size_t k = 0; k < corners.size(); ++k) CHECK(got[k] == doctest::Approx(corners[k]));
  // A row without any class is no distribution, but not NaN either.
  got = features<double>(full, 3, sure, {-inf, -inf, -inf}, corner, {0});
  CHECK((got[0] == 0 && got[1] == 0 && got[2] == 0));
  got = features<double>(full, 3, sure, {NAN, 0, 0}, corner, {0});
  CHECK(std::isnan(got[1]));
  CHECK(got[3] == 1);

  CHECK(features<double>(full, 1, {0}, {3}, {-5}, {0}) == std::vector<double>{1, 1, 1, 1, 0, 0, 0, 0, 0});
  CHECK(features<double>(compact, 1, {1}, {3}, {-5}, {0}) == std::vector<double>(11, 0.0));
  CHECK(features<double>(compact, 2, {1, 0, 0, 1}, {}, {}, {}).empty());
}

TEST_CASE("geometry_features: any strides") {
  const std::vector<float> table{1, 0, 0, 1}, student{1, 4, 2, 5, 3, 6}, teacher{0, 9, 0, 3, 9, 0};  // column by column
  const std::vector<float> dense{1, 5, 4, 3, 2, 6}, dense_teacher{0, 3, 9, 9, 0, 0};
  const std::vector<int> truth{0, 1, 1};
  geometry_features<float> geometry({table.data(), 2, 2}, compact);
  std::vector<float> to(33), wanted(33);
  geometry({student.data(), 3, 2, 1, 3}, {teacher.data(), 3, 2, 1, 3}, truth, {to.data(), 3, 11, 1, 3});
  geometry({dense.data(), 3, 2}, {dense_teacher.data(), 3, 2}, truth, {wanted.data(), 3, 11});
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t k = 0; k < 11; ++k) CHECK(to[r + 3 * k] == wanted[11 * r + k]);
}

TEST_CASE("geometry_features: errors, before anything is written") {
  const std::vector<double> table{1, 0, 0, 1}, wrong{2, 0, 0, 1}, z{1, 2, 3, 4};
  const std::vector<int> truth{0, 1}, bad{0, 2}, unknown{0, -100}, one{0};
  CHECK(message_of([&] {
          geometry_features<double>({table.data(), 1, 2});
        }) == "distill: geometry_features: class_means is 1 x 2, classes x classes expected");
  CHECK(message_of([&] { geometry_features<double>({}); }) ==
        "distill: geometry_features: class_means is 0 x 0, classes x classes expected");
  CHECK(message_of([&] {
          geometry_features<double>({wrong.data(), 2, 2});
        }) == "distill: geometry_features: class_means[0, 0] is 2, a probability in [0, 1] expected");
  geometry_features<double> geometry({table.data(), 2, 2});
  std::vector<double> to(36, -7);
  const auto said = [&](index student, index teacher, const std::vector<int>& classes, index width = 18) {
    return message_of([&] {
      geometry({z.data(), 2, student}, {z.data(), teacher, 2}, classes, {to.data(), 2, width});
    });
  };
  CHECK(said(2, 1, truth) == "distill: geometry_features: teacher is 1 x 2, 2 x 2 expected");
  CHECK(said(1, 2, truth) == "distill: geometry_features: student is 2 x 1, 2 x 2 expected");
  CHECK(said(2, 2, truth, 17) == "distill: geometry_features: to is 2 x 17, 2 x 18 expected");
  CHECK(said(2, 2, one) == "distill: geometry_features: classes has 1 entries, student has 2 rows");
  CHECK(said(2, 2, bad) == "distill: geometry_features: classes[1] is 2, must lie in [0, 2)");
  CHECK(said(2, 2, unknown) == "distill: geometry_features: classes[1] is -100, must lie in [0, 2)");
  CHECK(to == std::vector<double>(36, -7));
  CHECK(said(2, 2, truth) == "no error");
}

}  // namespace geometry_tests
