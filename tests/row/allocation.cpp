// A workspace that has served a shape once makes every further call free of allocations. This file replaces the global
// operator new, so it is an executable of its own.
#include <doctest/doctest.h>

#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/dkd.hpp>
#include <distill/objective/kl.hpp>
#include <distill/objective/top_k_kl.hpp>
#include <distill/objective/uld.hpp>
#include <distill/row/adaptor.hpp>
#include <distill/row/gathered.hpp>
#include <distill/row/pixel_rows.hpp>

#include "harness/counting_new.hpp"
#include "harness/problem.hpp"

namespace {

using distill::cross_entropy;
using distill::kl;
using distill::matrix_view;
using harness::allocations;

const auto mixture = 0.9 * kl{.temperature = 4} + 0.1 * cross_entropy{};

/// Rows in memory that is wide enough for every layout below.
struct setting {
  harness::problem<float> p;
  std::vector<float> to_student, to_teacher;
  distill::batch<float> in;
  distill::gradients<float> out;

  setting(distill::index rows, distill::index columns, distill::index row_stride, distill::index column_stride)
      : p(harness::random_problem<float>(rows, columns, 61)) {
    p.student.resize(p.student.size() * 2), p.teacher.resize(p.teacher.size() * 2);
    to_student.resize(p.student.size()), to_teacher.resize(p.student.size());
    in.student = matrix_view<const float>(p.student.data(), rows, columns, row_stride, column_stride);
    in.teacher = matrix_view<const float>(p.teacher.data(), rows, columns, row_stride, column_stride);
    in.labels = p.labels;
    out.student = matrix_view<float>(to_student.data(), rows, columns, row_stride, column_stride);
    out.teacher = matrix_view<float>(to_teacher.data(), rows, columns, row_stride, column_stride);
  }
};

}  // namespace

TEST_CASE("the second call allocates nothing") {
  distill::row_workspace<float> workspace;
  for (const int columns : {1, 10, 64, 100, 1000})
    for (const bool strided : {false, true}) {
      setting s(20, columns, strided ? 1 : columns, strided ? 20 : 1);
      distill::value_and_gradient(mixture, s.in, s.out, {}, workspace);
      const long before = allocations;
      const double again = distill::value_and_gradient(mixture, s.in, s.out, {}, workspace);
      const double value = distill::value(mixture, s.in, {}, workspace);
      const long after = allocations;
      INFO(columns << " columns, strided " << strided);
      CHECK(after == before);
      CHECK(value == again);
    }
}

TEST_CASE("16-bit, chosen and turned rows allocate nothing the second time either") {
  const distill::index_map even(std::vector<int>{0, 2, 4, 6}, 8);
  std::vector<distill::bfloat16> student(20 * 8, distill::bfloat16(0.5f)), teacher = student, gradient = student;
  const std::vector<int> labels(20, 1);
  distill::row_workspace<float> workspace;
  const auto twice = [&](const auto& rows_of) {
    distill::batch<float> in;
    in.student = rows_of(student.data()), in.teacher = rows_of(teacher.data()), in.labels = labels;
    const auto call = [&] {
      distill::value_and_gradient(mixture, in, {.student = rows_of(gradient.data())}, {}, workspace);
    };
    call();
    const long before = allocations;
    call();
    CHECK(allocations == before);
  };
  twice([](distill::bfloat16* p) { return matrix_view<distill::bfloat16>(p, 20, 8); });
  twice([](distill::bfloat16* p) { return distill::pixel_rows(p, {2, 8, 5, 2}); });
  twice(
      [&](distill::bfloat16* p) { return distill::gathered_columns(matrix_view<distill::bfloat16>(p, 20, 8), even); });
}

TEST_CASE("nor with a stored teacher, an ordered row, a standardised one, a gradient to the temperature") {
  distill::row_workspace<float> workspace;
  setting s(20, 100, 100, 1);
  s.in.stored = {matrix_view<const std::int32_t>(s.p.stored.data(), 20, s.p.stored_count()),
                 matrix_view<const double>(s.p.stored_log_p.data(), 20, s.p.stored_count())};
  const auto everything =
      distill::top_k_kl{} + distill::uld{} + distill::standardised(kl{.temperature = 2}) + distill::dkd{};
  std::vector<double> to_temperature(20 * static_cast<std::size_t>(everything.leaves));
  s.out.temperature = matrix_view<double>(to_temperature.data(), 20, everything.leaves);
  distill::value_and_gradient(everything, s.in, s.out, {}, workspace);
  const long before = allocations;
  distill::value_and_gradient(everything, s.in, s.out, {}, workspace);
  CHECK(allocations == before);
}

TEST_CASE("a workspace that has seen the largest shape serves the smaller ones") {
  distill::row_workspace<float> workspace;
  setting large(50, 1000, 1000, 1), small(7, 10, 10, 1);
  distill::value_and_gradient(mixture, large.in, large.out, {}, workspace);
  const long before = allocations;
  distill::value_and_gradient(mixture, small.in, small.out, {}, workspace);
  distill::value_and_gradient(mixture, large.in, large.out, {}, workspace);
  CHECK(allocations == before);
}

TEST_CASE("the second pair of values() and gradient() allocates nothing") {
  distill::row_workspace<float> workspace;
  setting s(20, 100, 100, 1);
  distill::value_table<std::remove_cvref_t<decltype(mixture)>> table;
  const std::vector<double> coefficients(40, 0.5);
  const auto both = [&] {
    distill::values(mixture, s.in, table, {}, workspace);
    distill::gradient(mixture, s.in, table, {coefficients.data(), 20, 2}, s.out, distill::store_mode::overwrite, {},
                      workspace);
  };
  both();
  const long before = allocations;
  both();
  CHECK(allocations == before);
}

TEST_CASE("a batch of 512 x 32 000 needs 8 (K + 1) bytes a row and a dozen rows of scratch") {
  constexpr distill::index rows = 512, columns = 32000;
  std::vector<float> student(rows * columns, 0.25f), teacher(rows * columns, -0.5f);
  const std::vector<int> labels(rows, 3);
  distill::batch<float> in;
  distill::gradients<float> out;
  in.student = matrix_view<const float>(student.data(), rows, columns);
  in.teacher = matrix_view<const float>(teacher.data(), rows, columns);
  in.labels = labels;
  out.student = matrix_view<float>(student.data(), rows, columns);
  distill::row_workspace<float> workspace;
  const long before = harness::allocated_bytes;
  distill::value_and_gradient(mixture, in, out, {}, workspace);
  const auto used = static_cast<std::size_t>(harness::allocated_bytes - before);
  CAPTURE(used);
  CHECK(used <= 8 * (2 + 1) * rows + 12 * (columns + 64) * sizeof(float));
}
