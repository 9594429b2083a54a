// 16-bit logits and gradients: the engine computes on the widened numbers and rounds once, at the store. So a call on
// 16-bit numbers gives the rounded bits of the same call on floats.
#include <doctest/doctest.h>

#include <type_traits>
#include <vector>

#include <distill/core/half.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/kl.hpp>
#include <distill/row/tiles.hpp>

#include "harness/problem.hpp"

namespace {

using distill::bfloat16;
using distill::half;
using distill::matrix_view;
using distill::reduction;
using harness::same;

const auto stored_objective = 0.75 * distill::kl{.temperature = 2} + 0.25 * distill::cross_entropy{};

/// Logits that the type holds exactly; some classes masked on both sides, one row with NaN.
template <class H>
harness::problem<float> problem_in(distill::index rows, distill::index columns, std::uint64_t seed) {
  auto p = harness::random_problem<float>(rows, columns, seed);
  for (auto* numbers : {&p.student, &p.teacher})
    for (float& x : *numbers) x = static_cast<float>(H(x));
  if (columns > 2)
    for (distill::index r = 0; r < rows; ++r) {
      const distill::index masked = (p.labels[static_cast<std::size_t>(r)] + 1) % columns;
      p.student_at(r, masked) = p.teacher_at(r, masked) = -harness::infinity<float>;
    }
  if (rows > 5) p.student_at(3, columns / 2) = harness::not_a_number<float>;
  return p;
}

struct layout {
  distill::index row_stride, column_stride, first;
};

/// A matrix of H somewhere in memory that remembers what lies around it.
template <class H>
struct placed {
  distill::index rows, columns;
  layout l;
  std::vector<H> memory;

  placed(distill::index r, distill::index c, const layout& at)
      : rows(r), columns(c), l(at), memory(static_cast<std::size_t>(4 * r * c + 300), H(7.0f)) {}
  H& operator()(distill::index r, distill::index c) {
    return memory[static_cast<std::size_t>(l.first + r * l.row_stride + c * l.column_stride)];
  }
  void fill(const std::vector<float>& values) {
    for (distill::index r = 0; r < rows; ++r)
      for (distill::index c = 0; c < columns; ++c) (*this)(r, c) = H(values[static_cast<std::size_t>(r * columns + c)]);
  }
  std::vector<float> values() {
    std::vector<float> result;
    for (distill::index r = 0; r < rows; ++r)
      for (distill::index c = 0; c < columns; ++c) result.push_back(static_cast<float>((*this)(r, c)));
    return result;
  }
  matrix_view<H> view() { return {memory.data() + l.first, rows, columns, l.row_stride, l.column_stride}; }
  /// How many elements outside the matrix are not as they were.
  int disturbed() {
    std::vector<H> expected(memory.size(), H(7.0f)), outside = memory;
    std::swap(memory, outside);
    fill(std::vector<float>(static_cast<std::size_t>(rows * columns), 7.0f));
    int result = 0;
    for (std::size_t i = 0; i < memory.size(); ++i) result += memory[i].bits() != expected[i].bits();
    std::swap(memory, outside);
    return result;
  }
};

std::vector<layout> layouts(distill::index rows, distill::index columns) {
  return {{columns, 1, 0},
          {columns + 5, 1, 3},
          {1, rows, 0},
          {2, 2 * rows + 1, 1},
          {2 * columns + 1, 2, 5},
          {-columns, 1, (rows - 1) * columns},
          {-1, -rows, rows * columns - 1}};
}

template <class H>
std::vector<float> rounded(std::vector<float> numbers) {
  for (float& x : numbers) x = static_cast<float>(H(x));
  return numbers;
}

}  // namespace

TEST_CASE_TEMPLATE("a call on 16-bit numbers is the call on floats, rounded once", H, half, bfloat16) {
  for (const distill::index columns : {1, 3, 10, 16, 31, 33, 64, 65, 100, 1000})
    for (const distill::index rows : {1, 37}) {
      const auto p = problem_in<H>(rows, columns, 61);
      const auto expected = harness::solve(stored_objective, p);
      for (const layout& l : layouts(rows, columns)) {
        INFO(rows << " x " << columns << ", strides " << l.row_stride << ", " << l.column_stride);
        placed<H> student(rows, columns, l), teacher(rows, columns, l), to_student(rows, columns, l),
            to_teacher(rows, columns, l);
        student.fill(p.student), teacher.fill(p.teacher);
        distill::batch<float> in;
        in.student = student.view(), in.teacher = teacher.view(), in.labels = p.labels;
        const auto solve = [&](matrix_view<H> s, matrix_view<H> t, distill::store_mode store, int threads) {
          return distill::value_and_gradient(
              stored_objective, in, {.student = s, .teacher = t},
              {.reduction = reduction::sum(), .store = store, .execution = {.threads = threads}});
        };
        for (const int threads : {1, 2}) {
          const double value = solve(to_student.view(), to_teacher.view(), distill::store_mode::overwrite, threads);
          CHECK(same({value}, std::vector<double>{expected.value}));
          CHECK(same(to_student.values(), rounded<H>(expected.student)));
          CHECK(same(to_teacher.values(), rounded<H>(expected.teacher)));
        }
        CHECK(to_student.disturbed() + to_teacher.disturbed() == 0);

        auto twice = rounded<H>(expected.student);
        for (std::size_t i = 0; i < twice.size(); ++i) twice[i] += expected.student[i];
        solve(to_student.view(), {}, distill::store_mode::accumulate, 2);
        CHECK(same(to_student.values(), rounded<H>(twice)));

        solve(student.view(), teacher.view(), distill::store_mode::overwrite, 2);
        CHECK(same(student.values(), rounded<H>(expected.student)));
        CHECK(same(teacher.values(), rounded<H>(expected.teacher)));
      }
    }
}

TEST_CASE("each side may be stored in its own way") {
  const distill::index rows = 40, columns = 150;
  const auto p = problem_in<bfloat16>(rows, columns, 62);
  const auto expected = harness::solve(stored_objective, p);
  for (const layout& of_student : layouts(rows, columns))
    for (const layout& of_gradient : layouts(rows, columns)) {
      placed<bfloat16> student(rows, columns, of_student);
      placed<half> gradient(rows, columns, of_gradient);
      student.fill(p.student);
      distill::batch<float> in;
      in.student = student.view();
      in.teacher = matrix_view<const float>(p.teacher.data(), rows, columns);
      in.labels = p.labels;
      distill::value_and_gradient(stored_objective, in, {.student = gradient.view()},
                                  {.reduction = reduction::sum(), .execution = {.threads = 3}});
      CHECK(same(gradient.values(), rounded<half>(expected.student)));
    }
}

TEST_CASE_TEMPLATE("a 16-bit gradient that is streamed", H, half, bfloat16) {
  const distill::index rows = 270, columns = 32003;
  static_assert(270 * 32003 * 2 >= distill::detail::stream_bytes);
  const auto p = problem_in<H>(rows, columns, 63);
  const distill::row_options options{.reduction = reduction::sum(), .execution = {.threads = 2}};
  std::vector<float> expected(p.student.size());
  std::vector<H> got(p.student.size() + 40, H(7.0f));
  auto in = harness::inputs_of(stored_objective, p);
  distill::value_and_gradient(stored_objective, in, {.student = matrix_view<float>(expected.data(), rows, columns)},
                              options);
  for (const int offset : {0, 1, 32}) {
    distill::value_and_gradient(stored_objective, in, {.student = matrix_view<H>(got.data() + offset, rows, columns)},
                                options);
    std::vector<float> wide;
    for (auto at = got.begin() + offset; at != got.end() - 40 + offset; ++at) wide.push_back(static_cast<float>(*at));
    CHECK(same(wide, rounded<H>(expected)));
    CHECK(got[static_cast<std::size_t>(offset) + expected.size()].bits() == H(7.0f).bits());
  }
}

TEST_CASE_TEMPLATE("probabilities in 16 bits", H, half, bfloat16) {
  const distill::index rows = 9, columns = 70;
  const auto p = problem_in<H>(rows, columns, 64);
  std::vector<H> mass;
  std::vector<float> wide;
  for (const float z : p.teacher) mass.push_back(H(std::exp(z))), wide.push_back(static_cast<float>(mass.back()));
  auto in = harness::inputs_of(stored_objective, p);
  in.teacher = distill::probabilities(matrix_view<const float>(wide.data(), rows, columns));
  const double expected = distill::value(stored_objective, in, {.reduction = reduction::sum()});
  in.teacher = distill::probabilities(matrix_view<const H>(mass.data(), rows, columns));
  CHECK(same({double(distill::value(stored_objective, in, {.reduction = reduction::sum()}))},
             std::vector<double>{expected}));
}

TEST_CASE("16-bit numbers are read by calls on floats alone") {
  static_assert(std::is_convertible_v<matrix_view<bfloat16>, distill::row_input<float>>);
  static_assert(std::is_convertible_v<matrix_view<const half>, distill::row_input<float>>);
  static_assert(std::is_convertible_v<matrix_view<half>, distill::row_output<float>>);
  static_assert(!std::is_convertible_v<matrix_view<const half>, distill::row_output<float>>);
  static_assert(!std::is_convertible_v<matrix_view<half>, distill::row_input<double>>);
  static_assert(!std::is_convertible_v<matrix_view<bfloat16>, distill::row_output<double>>);
  static_assert(!std::is_convertible_v<matrix_view<const float>, distill::row_input<double>>);
}
