// Rows that are not rows of a matrix: pixels of a tensor, chosen columns and rows, vocabularies of two sizes. Each
// gives the bits of the same call on a copied matrix.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <distill/core/half.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/kl.hpp>
#include <distill/row/gathered.hpp>
#include <distill/row/padded.hpp>
#include <distill/row/pixel_rows.hpp>

#include "harness/message.hpp"
#include "harness/problem.hpp"

namespace {

using distill::bfloat16;
using distill::fit_columns;
using distill::gathered_columns;
using distill::gathered_rows;
using distill::image_axes;
using distill::index_map;
using distill::map_rows;
using distill::matrix_view;
using distill::pixel_rows;
using distill::reduction;
using distill::rows_view;
using distill::store_mode;
using harness::same;

const auto objective = 0.75 * distill::kl{.temperature = 2} + 0.25 * distill::cross_entropy{};

/// Value and student gradient (alone: another gradient would take another path) of a matrix, summed over the rows.
template <class T, class Objective>
harness::answer<T> solve_matrix(const Objective& of, const harness::problem<T>& p) {
  harness::answer<T> result{0, std::vector<T>(p.student.size()), {}};
  result.value = distill::value_and_gradient(of, harness::inputs_of(of, p),
                                             {.student = matrix_view<T>(result.student.data(), p.rows, p.columns)},
                                             {.reduction = reduction::sum()});
  return result;
}

/// A buffer in which the rows of a view are the first numbers' business, and the rest is not.
template <class T, class U>
struct scattered {
  std::vector<U> memory;
  rows_view<U> view;

  template <class Make>
  scattered(std::size_t size, const Make& make) : memory(size, U(7.0f)), view(make(memory.data())) {}
  U& at(distill::index r, distill::index c) { return view.data[view.layout.row(r) + view.layout.column(c)]; }
  void fill(const std::vector<T>& values) {
    for (distill::index r = 0; r < view.layout.rows; ++r)
      for (distill::index c = 0; c < view.layout.columns; ++c)
        at(r, c) = U(values[static_cast<std::size_t>(r * view.layout.columns + c)]);
  }
  std::vector<T> values() {
    std::vector<T> result;
    for (distill::index r = 0; r < view.layout.rows; ++r)
      for (distill::index c = 0; c < view.layout.columns; ++c) result.push_back(static_cast<T>(at(r, c)));
    return result;
  }
  /// Elements outside the view that are not 7 any more.
  int disturbed() {
    std::vector<U> copy = memory;
    fill(std::vector<T>(static_cast<std::size_t>(view.layout.rows * view.layout.columns), T(7)));
    int result = 0;
    for (const U x : memory) result += static_cast<float>(x) != 7.0f;
    memory = copy;
    return result;
  }
};

/// Overwrites, accumulates and replaces the logits, through views that `make` forms of a buffer of `size` elements.
template <class T, class U, class Make>
void check_views(std::size_t size, const Make& make) {
  scattered<T, U> student(size, make), teacher(size, make), gradient(size, make);
  auto p = harness::random_problem<T>(student.view.layout.rows, student.view.layout.columns, 71);
  for (auto* numbers : {&p.student, &p.teacher})
    for (T& x : *numbers) x = static_cast<T>(U(x));
  const auto rounded = [](std::vector<T> numbers) {
    for (T& x : numbers) x = static_cast<T>(U(x));
    return numbers;
  };
  const auto expected = solve_matrix(objective, p);
  student.fill(p.student), teacher.fill(p.teacher);
  distill::batch<T> in;
  in.student = student.view, in.teacher = teacher.view, in.labels = p.labels;
  const auto solve = [&](const rows_view<U>& to, store_mode store, int threads) {
    return distill::value_and_gradient(
        objective, in, {.student = to},
        {.reduction = reduction::sum(), .store = store, .execution = {.threads = threads}});
  };
  for (const int threads : {1, 3}) {
    const double value = solve(gradient.view, store_mode::overwrite, threads);
    CHECK(value == expected.value);
    CHECK(same(gradient.values(), rounded(expected.student)));
  }
  auto twice = rounded(expected.student);
  for (std::size_t i = 0; i < twice.size(); ++i) twice[i] += expected.student[i];
  solve(gradient.view, store_mode::accumulate, 2);
  CHECK(same(gradient.values(), rounded(twice)));
  CHECK(gradient.disturbed() == 0);
  solve(student.view, store_mode::overwrite, 2);
  CHECK(same(student.values(), rounded(expected.student)));
}

/// Every third of `size`, backwards.
std::vector<int> thirds(int size) {
  std::vector<int> ids;
  for (int id = size - 1; id >= 0; id -= 3) ids.push_back(id);
  return ids;
}

}  // namespace

TEST_CASE_TEMPLATE("pixels of a tensor as rows of classes", U, float, double, bfloat16) {
  using T = std::conditional_t<sizeof(U) == 8, double, float>;
  struct shape {
    image_axes extents, strides;
  };
  for (const distill::index c : {1, 5, 19, 70}) {
    const std::vector<shape> shapes{
        {{2, c, 7, 9}, distill::dense_strides({2, c, 7, 9})},
        {{3, c, 1, 11}, distill::dense_strides({3, c, 1, 11})},
        {{1, c, 33, 1}, distill::dense_strides({1, c, 33, 1})},
        {{2, c, 6, 5}, {6 * 5 * c, 1, 5 * c, c}},  // channels last
        {{2, c, 6, 5}, {c * 99 + 50, 99, 11, 1}},  // a window of a larger image
        {{2, c, 6, 5}, {1, 2 * 30, 2 * 5, 2}},     // images innermost
    };
    for (const shape& s : shapes) {
      INFO(c << " classes, strides " << s.strides[0] << " " << s.strides[1] << " " << s.strides[2] << " "
             << s.strides[3]);
      check_views<T, U>(std::size_t(600 * c + 400), [&](U* data) { return pixel_rows(data, s.extents, s.strides); });
    }
  }
}

TEST_CASE("where pixel_rows and map_rows look") {
  std::vector<float> x(2 * 3 * 4 * 5);
  std::iota(x.begin(), x.end(), 0.0f);
  const image_axes extents{2, 3, 4, 5};
  const rows_view<float> pixels = pixel_rows(x.data(), extents), maps = map_rows(x.data(), extents);
  CHECK(pixels.layout.rows == 40);
  CHECK(maps.layout.rows == 6);
  CHECK(maps.layout.contiguous());
  CHECK(maps.layout.inner == distill::row_layout::endless);
  for (distill::index n = 0; n < 2; ++n)
    for (distill::index c = 0; c < 3; ++c)
      for (distill::index h = 0; h < 4; ++h)
        for (distill::index w = 0; w < 5; ++w) {
          const distill::index place = ((n * 3 + c) * 4 + h) * 5 + w;
          CHECK(pixels.layout.row((n * 4 + h) * 5 + w) + pixels.layout.column(c) == place);
          CHECK(maps.layout.row(n * 3 + c) + maps.layout.column(h * 5 + w) == place);
        }
  const rows_view<float> last = pixel_rows(x.data(), extents, {60, 1, 15, 3});
  CHECK(last.layout.contiguous());
  CHECK(last.layout.inner == distill::row_layout::endless);
  CHECK(harness::message_of([&] {
          pixel_rows(x.data(), {2, -3, 4, 5});
        }) == "distill: pixel_rows: classes is -3, must not be negative");
  CHECK(harness::message_of([&] {
          map_rows(x.data(), {1, 3, 4, 5}, {100, 30, 7, 1});
        }) == "distill: map_rows: the stride of height is 7, must be width times its stride: 5");
}

TEST_CASE("64-bit positions") {
  const rows_view<float> pixels = pixel_rows(static_cast<float*>(nullptr), {1 << 12, 1 << 11, 1 << 10, 1 << 10});
  CHECK(pixels.layout.rows == distill::index{1} << 32);
  CHECK(pixels.layout.row((distill::index{1} << 32) - 1) + pixels.layout.column((1 << 11) - 1) ==
        (distill::index{1} << 43) - 1);
}

TEST_CASE_TEMPLATE("maps of a tensor as rows of pixels", U, float, bfloat16) {
  check_views<float, U>(2000, [](U* data) { return map_rows(data, {3, 4, 5, 6}); });
  check_views<float, U>(2000, [](U* data) { return map_rows(data, {3, 4, 5, 6}, {200, 40, 6, 1}); });
  check_views<float, U>(2000, [](U* data) { return map_rows(data, {3, 4, 5, 6}, {1, 3, 72, 12}); });
}

TEST_CASE_TEMPLATE("chosen columns", U, float, double, bfloat16) {
  using T = std::conditional_t<sizeof(U) == 8, double, float>;
  for (const int columns : {1, 4, 30, 200}) {
    const index_map map(thirds(columns), columns);
    for (const bool column_major : {false, true}) {
      const distill::index rows = 37, count = map.count();
      const distill::index row_stride = column_major ? 1 : columns + 2, column_stride = column_major ? rows + 1 : 1;
      const auto make = [&](U* data) {
        return gathered_columns(matrix_view<U>(data, rows, columns, row_stride, column_stride), map);
      };
      INFO(columns << " columns, column-major " << column_major);
      const auto size = static_cast<std::size_t>((rows + 3) * (columns + 3));
      scattered<T, U> student(size, make), teacher(size, make), gradient(size, make);
      auto p = harness::random_problem<T>(rows, count, 72);
      for (auto* numbers : {&p.student, &p.teacher})
        for (T& x : *numbers) x = static_cast<T>(U(x));
      const auto expected = solve_matrix(objective, p);
      student.fill(p.student), teacher.fill(p.teacher);
      distill::batch<T> in;
      in.student = student.view, in.teacher = teacher.view, in.labels = p.labels;
      distill::value_and_gradient(objective, in, {.student = gradient.view}, {.reduction = reduction::sum()});
      std::vector<T> rounded = expected.student;
      for (T& x : rounded) x = static_cast<T>(U(x));
      CHECK(same(gradient.values(), rounded));
      // What was not chosen is 0; what is no column at all is as it was.
      int wrong = 0;
      std::vector<bool> chosen(static_cast<std::size_t>(columns));
      for (distill::index i = 0; i < count; ++i) chosen[static_cast<std::size_t>(map[i])] = true;
      for (distill::index r = 0; r < rows; ++r)
        for (distill::index c = 0; c < columns; ++c) {
          const auto place = static_cast<std::size_t>(r * row_stride + c * column_stride);
          if (!chosen[static_cast<std::size_t>(c)]) wrong += static_cast<float>(gradient.memory[place]) != 0.0f;
          gradient.memory[place] = U(7.0f);
        }
      CHECK(wrong == 0);
      CHECK(gradient.disturbed() == 0);
      // Adding leaves them alone.
      distill::value_and_gradient(objective, in, {.student = gradient.view}, {.store = store_mode::accumulate});
      CHECK(gradient.disturbed() == 0);
    }
  }
}

TEST_CASE("tokens that two vocabularies share") {
  const auto p = harness::random_problem<float>(6, 50, 73);
  const std::vector<std::int64_t> ids_s{3, 1, 40, 7}, ids_t{0, 29, 5, 11};
  const index_map of_student(ids_s, 50, "ids_s"), of_teacher(ids_t, 30, "ids_t");
  auto shared = harness::random_problem<float>(6, 4, 74);
  for (distill::index r = 0; r < 6; ++r)
    for (distill::index i = 0; i < 4; ++i) {
      shared.student_at(r, i) = p.student[static_cast<std::size_t>(r * 50 + of_student[i])];
      shared.teacher_at(r, i) = p.teacher[static_cast<std::size_t>(r * 30 + of_teacher[i])];
    }
  const auto expected = solve_matrix(distill::kl{}, shared);
  std::vector<float> dz(300, 9.0f);
  distill::batch<float> in;
  in.student = gathered_columns(matrix_view<const float>(p.student.data(), 6, 50), of_student);
  in.teacher = gathered_columns(matrix_view<const float>(p.teacher.data(), 6, 30), of_teacher);
  const double value = distill::value_and_gradient(
      distill::kl{}, in, {.student = gathered_columns(matrix_view<float>(dz.data(), 6, 50), of_student)},
      {.reduction = reduction::sum()});
  CHECK(value == expected.value);
  for (distill::index r = 0; r < 6; ++r)
    for (distill::index i = 0; i < 4; ++i) {
      float& g = dz[static_cast<std::size_t>(r * 50 + of_student[i])];
      CHECK(g == expected.student[static_cast<std::size_t>(r * 4 + i)]);
      g = 0;
    }
  for (const float g : dz) CHECK(g == 0);
  const index_map fewer(std::vector<int>{1, 2, 3}, 30);
  in.teacher = gathered_columns(matrix_view<const float>(p.teacher.data(), 6, 30), fewer);
  CHECK(harness::message_of([&] { distill::value(distill::kl{}, in); }) ==
        "distill: teacher has 3 columns, student has 4");
}

TEST_CASE_TEMPLATE("chosen rows", U, float, bfloat16) {
  for (const int columns : {5, 100})
    for (const bool column_major : {false, true}) {
      const distill::index rows = 50;
      const index_map map(thirds(50), rows);
      const distill::index row_stride = column_major ? 1 : columns, column_stride = column_major ? rows : 1;
      const auto make = [&](U* data) {
        return gathered_rows(matrix_view<U>(data, rows, columns, row_stride, column_stride), map);
      };
      INFO(columns << " columns, column-major " << column_major);
      const auto size = static_cast<std::size_t>(rows * columns);
      scattered<float, U> student(size, make), teacher(size, make), gradient(size, make);
      const auto p = harness::random_problem<float>(map.count(), columns, 75);
      student.fill(p.student), teacher.fill(p.teacher);
      auto exact = p;
      exact.student = student.values(), exact.teacher = teacher.values();
      const auto expected = solve_matrix(objective, exact);
      distill::batch<float> in;
      in.student = student.view, in.teacher = teacher.view, in.labels = p.labels;
      const double value = distill::value_and_gradient(objective, in, {.student = gradient.view},
                                                       {.reduction = reduction::sum(), .execution = {.threads = 2}});
      CHECK(value == expected.value);
      std::vector<float> rounded = expected.student;
      for (float& x : rounded) x = static_cast<float>(U(x));
      CHECK(same(gradient.values(), rounded));
      for (const distill::index other : map.others())
        for (distill::index c = 0; c < columns; ++c) {
          U& g = gradient.memory[static_cast<std::size_t>(other * row_stride + c * column_stride)];
          CHECK(static_cast<float>(g) == 0);
          g = U(7.0f);
        }
      distill::value_and_gradient(objective, in, {.student = gradient.view}, {.store = store_mode::accumulate});
      CHECK(gradient.disturbed() == 0);
    }
}

TEST_CASE("choices of choices: rows of columns of pixels") {
  const index_map some_classes(std::vector<int>{4, 0, 9, 2}, 12);
  const index_map some_pixels(thirds(70), 70);
  const auto make = [&](bfloat16* data) {
    return gathered_columns(gathered_rows(pixel_rows(data, {2, 12, 5, 7}), some_pixels), some_classes);
  };
  scattered<float, bfloat16> student(2 * 12 * 35, make), teacher(2 * 12 * 35, make), gradient(2 * 12 * 35, make);
  const auto p = harness::random_problem<float>(24, 4, 76);
  student.fill(p.student), teacher.fill(p.teacher);
  auto exact = p;
  exact.student = student.values(), exact.teacher = teacher.values();
  const auto expected = solve_matrix(objective, exact);
  distill::batch<float> in;
  in.student = student.view, in.teacher = teacher.view, in.labels = p.labels;
  const double value =
      distill::value_and_gradient(objective, in, {.student = gradient.view}, {.reduction = reduction::sum()});
  CHECK(value == expected.value);
  std::vector<float> rounded = expected.student;
  for (float& x : rounded) x = static_cast<float>(bfloat16(x));
  CHECK(same(gradient.values(), rounded));
  gradient.fill(std::vector<float>(24 * 4, 0.0f));
  for (const bfloat16 g : gradient.memory) CHECK(static_cast<float>(g) == 0);
}

TEST_CASE("ids that choose nothing real, or something twice") {
  CHECK(harness::message_of([] {
          index_map(std::vector<int>{0, 5, 32}, 32, "ids_s");
        }) == "distill: ids_s[2] is 32, must lie in [0, 32)");
  CHECK(harness::message_of([] {
          index_map(std::vector<int>{0, -1}, 32);
        }) == "distill: ids[1] is -1, must lie in [0, 32)");
  CHECK(harness::message_of([] {
          index_map(std::vector<int>{0, 7, 2, 7}, 32);
        }) == "distill: ids[3] is 7, and so is ids[1]");
  std::vector<float> x(12);
  const matrix_view<float> m(x.data(), 3, 4);
  const index_map two(std::vector<int>{0, 1}, 5), columns(std::vector<int>{0, 1}, 4), rows(std::vector<int>{0}, 3);
  CHECK(harness::message_of([&] { gathered_columns(m, two); }) ==
        "distill: gathered_columns: the map chooses from 5 columns, the matrix has 4");
  CHECK(harness::message_of([&] { gathered_rows(m, two); }) ==
        "distill: gathered_rows: the map chooses from 5 rows, the matrix has 3");
  CHECK(harness::message_of([&] { gathered_columns(gathered_columns(m, columns), columns); }) ==
        "distill: gathered_columns: 2 of 2 columns are chosen or padded already");
  CHECK(harness::message_of([&] { gathered_rows(gathered_rows(m, rows), rows); }) ==
        "distill: gathered_rows: 1 of 3 rows are chosen already");
  CHECK(harness::message_of([&] { fit_columns(m, -2); }) ==
        "distill: fit_columns: columns is -2, must not be negative");
}

TEST_CASE_TEMPLATE("a shorter teacher is padded with masked classes, a longer one is cut", U, float, bfloat16) {
  for (const distill::index known : {10, 60, 90, 130})
    for (const bool column_major : {false, true}) {
      const distill::index rows = 20, columns = 90;
      auto p = harness::random_problem<float>(rows, columns, 77);
      std::vector<U> teacher(static_cast<std::size_t>(rows * known));
      const matrix_view<U> view = column_major ? matrix_view<U>(teacher.data(), rows, known, 1, rows)
                                               : matrix_view<U>(teacher.data(), rows, known);
      const distill::random_stream random(5);
      for (distill::index r = 0; r < rows; ++r)
        for (distill::index c = 0; c < std::max(known, columns); ++c) {
          const U z(static_cast<float>(random.normal(static_cast<std::uint64_t>(r * 200 + c))));
          if (c < known) view(r, c) = z;
          if (c < columns) p.teacher_at(r, c) = c < known ? static_cast<float>(z) : -INFINITY;
        }
      const auto expected = harness::solve(distill::kl{}, p);
      auto in = harness::inputs_of(distill::kl{}, p);
      in.teacher = fit_columns(view, columns);
      std::vector<float> gradient(p.student.size());
      std::vector<U> to_teacher(teacher.size() + 1, U(7.0f));
      const matrix_view<U> to(to_teacher.data(), rows, known, view.row_stride, view.column_stride);
      const double value = distill::value_and_gradient(
          distill::kl{}, in,
          {.student = matrix_view<float>(gradient.data(), rows, columns), .teacher = fit_columns(to, columns)},
          {.reduction = reduction::sum()});
      INFO(known << " classes, column-major " << column_major);
      CHECK(value == expected.value);
      CHECK(same(gradient, expected.student));
      int wrong = 0;
      for (distill::index r = 0; r < rows; ++r)
        for (distill::index c = 0; c < known; ++c) {
          const float g = c < columns ? expected.teacher[static_cast<std::size_t>(r * columns + c)] : 7.0f;
          wrong += static_cast<float>(to(r, c)) != static_cast<float>(U(g));
        }
      CHECK(wrong == 0);
      CHECK(static_cast<float>(to_teacher.back()) == 7.0f);
    }
}

TEST_CASE("padding of probabilities has no mass") {
  const std::vector<float> z{0.5f, -1, 2, 0, 1, 3}, mass{0.25f, 0.75f, 0.5f, 0.5f},
      padded{0.25f, 0.75f, 0, 0.5f, 0.5f, 0};
  distill::batch<float> in;
  in.student = matrix_view<const float>(z.data(), 2, 3);
  in.teacher = distill::probabilities(matrix_view<const float>(padded.data(), 2, 3));
  const double expected = distill::value(distill::kl{}, in);
  in.teacher = distill::probabilities(fit_columns(matrix_view<const float>(mass.data(), 2, 2), 3));
  const double got = distill::value(distill::kl{}, in);
  CHECK(std::isfinite(got));
  CHECK(got == expected);
}

TEST_CASE_TEMPLATE("the mass that a cut loses", T, float, double) {
  for (const distill::index kept : {0, 1, 40, 99, 100}) {
    auto p = harness::random_problem<T>(12, 100, 78, 4);
    for (distill::index c = 0; c < 100; ++c) {
      if (c >= kept) p.student_at(1, c) -= 60;  // next to nothing
      if (c >= kept) p.student_at(2, c) = -INFINITY;
      if (c < kept) p.student_at(3, c) = -INFINITY;
      p.student_at(4, c) = -INFINITY;
      p.student_at(5, c) += 10000;
    }
    p.student_at(6, 50) = NAN;
    std::vector<double> mass(12, 7), again(12, 7);
    const matrix_view<const T> rows(p.student.data(), 12, 100);
    distill::dropped_mass<T>(rows, kept, 2, mass);
    std::vector<T> turned(p.student.size());
    for (distill::index r = 0; r < 12; ++r)
      for (distill::index c = 0; c < 100; ++c) turned[static_cast<std::size_t>(c * 12 + r)] = p.student_at(r, c);
    distill::dropped_mass<T>(matrix_view<const T>(turned.data(), 12, 100, 1, 12), kept, 2, again, {.threads = 2});
    CHECK(same(mass, again));
    for (distill::index r = 0; r < 12; ++r) {
      long double all = 0, lost = 0;
      for (distill::index c = 0; c < 100; ++c) {
        const long double e = std::exp((static_cast<long double>(p.student_at(r, c)) - (r == 5 ? 10000 : 0)) / 2);
        all += e;
        if (c >= kept) lost += e;
      }
      INFO("row " << r << ", kept " << kept);
      const double got = mass[static_cast<std::size_t>(r)];
      if (r == 4 || r == 6 || (r == 3 && kept == 100) || (r == 2 && kept == 0))
        CHECK(std::isnan(got));
      else
        CHECK(std::abs(got - static_cast<double>(lost / all)) <=
              static_cast<double>(lost / all) * 20 * std::numeric_limits<T>::epsilon());
    }
  }
}

TEST_CASE("what dropped_mass refuses, before it writes") {
  const std::vector<float> z(20);
  std::vector<double> mass(4, 7);
  const matrix_view<const float> rows(z.data(), 4, 5);
  const auto message = [&](distill::index kept, double temperature, std::size_t size) {
    return harness::message_of(
        [&] { distill::dropped_mass<float>(rows, kept, temperature, std::span(mass).first(size)); });
  };
  CHECK(message(6, 1, 4) == "distill: dropped_mass: kept is 6, must lie in [0, 5]");
  CHECK(message(-1, 1, 4) == "distill: dropped_mass: kept is -1, must lie in [0, 5]");
  CHECK(message(3, 0, 4) == "distill: dropped_mass: temperature is 0, must be positive and finite");
  CHECK(message(3, 1, 3) == "distill: dropped_mass: mass has 3 entries, the matrix has 4 rows");
  CHECK(mass == std::vector<double>(4, 7));
}

TEST_CASE("an input that is not given has no rows") {
  CHECK(distill::row_input<double>().rows() == 0);
  CHECK(distill::row_input<double>().columns() == 0);
}
