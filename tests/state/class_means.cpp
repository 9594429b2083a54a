#include <doctest/doctest.h>

#include <distill/state/class_means.hpp>

#include <cmath>
#include <string>

using distill::class_means;
using distill::index;
using distill::matrix_view;

TEST_CASE_TEMPLATE("class_means: means of what was added, 0 for a class that was not", T, float, double) {
  class_means<T> means(3, 2);
  const std::vector<T> a{1, 2, 3, 4, 5, 7}, b{-1, 0};
  const std::vector<std::int64_t> labels{0, 2, 2}, more{2}, without{-1};
  means.add({a.data(), 3, 2}, labels);
  const class_means<T> saved = means;
  means.add({b.data(), 1, 2}, more);
  means.add({b.data(), 1, 2}, without);
  const matrix_view<const T> table = means.means();
  const std::vector<T> expected{1, 2, 0, 0, T(7) / 3, T(11) / 3};
  for (index y = 0; y < 3; ++y)
    for (index c = 0; c < 2; ++c) CHECK(table(y, c) == expected[static_cast<std::size_t>(2 * y + c)]);
  CHECK(means.count(0) == 1);
  CHECK(means.count(1) == 0);
  CHECK(means.count(2) == 3);
  means = saved;  // back to where it was
  CHECK(means.count(2) == 2);
  CHECK(means.means()(2, 1) == T(5.5));
}

TEST_CASE("class_means: a long pass loses nothing, and any strides will do") {
  class_means<float> means(1, 2);
  const std::vector<float> tenth(2000, 0.1f);
  const std::vector<std::uint8_t> labels(1000, 0);
  for (int batch = 0; batch < 1000; ++batch) means.add({tenth.data(), 1000, 2, 1, 1000}, labels);
  CHECK(means.means()(0, 0) == 0.1f);
  CHECK(means.means()(0, 1) == 0.1f);
  class_means<double> far(1, 1);
  for (const double x : {1e16, 1.0, 1.0, -1e16}) {
    const int label = 0;
    far.add({&x, 1, 1}, {&label, 1});
  }
  CHECK(far.means()(0, 0) == 0.5);
  const double invalid = NAN;
  const int label = 0;
  far.add({&invalid, 1, 1}, {&label, 1});
  CHECK(std::isnan(far.means()(0, 0)));
}

TEST_CASE("class_means: errors, before anything is added") {
  class_means<double> means(2, 2);
  const std::vector<double> x{1, 2, 3, 4};
  const std::vector<int> good{0, 1}, bad{0, 2}, one{0};
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const distill::argument_error& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(message([&] {
          means.add({x.data(), 2, 2}, bad);
        }) == "distill: class_means: labels[1] is 2, must lie in [0, 2) or be -1");
  CHECK(means.count(0) == 0);
  CHECK(message([&] {
          means.add({x.data(), 4, 1}, good);
        }) == "distill: class_means: features has 1 columns, expected 2");
  CHECK(message([&] {
          means.add({x.data(), 2, 2}, one);
        }) == "distill: class_means: labels has 1 entries, features has 2 rows");
  CHECK(message([&] { class_means<double>(0, 2); }) == "distill: class_means: classes is 0, must be positive");
}
