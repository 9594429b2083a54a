// Gradients too large for the cache leave by streaming stores: the same bits, whatever the rows' alignment.
#include <doctest/doctest.h>

#include <distill/objective/kl.hpp>
#include <distill/row/tiles.hpp>

#include "harness/problem.hpp"

namespace {

using distill::kl;
using distill::matrix_view;
using distill::reduction;

constexpr distill::index many_rows = 140, many_columns = 32003;

}  // namespace

TEST_CASE("a gradient that is streamed equals the same rows in small calls") {
  static_assert(many_rows * many_columns * 4 >= distill::detail::stream_bytes);
  const auto p = harness::random_problem<float>(many_rows, many_columns, 91);
  std::vector<float> small(p.student.size()), large(p.student.size() + 8, 3.0f);
  double value = 0;
  for (distill::index first = 0; first < many_rows; first += 50) {
    const distill::index count = std::min<distill::index>(50, many_rows - first);
    distill::batch<float> in;
    distill::gradients<float> out;
    in.student = matrix_view<const float>(p.student.data() + first * many_columns, count, many_columns);
    in.teacher = matrix_view<const float>(p.teacher.data() + first * many_columns, count, many_columns);
    out.student = matrix_view<float>(small.data() + first * many_columns, count, many_columns);
    value += distill::value_and_gradient(kl{}, in, out, {.reduction = reduction::sum()});
  }
  auto in = harness::inputs_of(kl{}, p);
  for (const int offset : {0, 1, 5})
    for (const int threads : {1, 2}) {
      distill::gradients<float> out;
      out.student = matrix_view<float>(large.data() + offset, many_rows, many_columns);
      const double whole = distill::value_and_gradient(
          kl{}, in, out, {.reduction = reduction::sum(), .execution = {.threads = threads}});
      INFO("offset " << offset << ", " << threads << " threads");
      CHECK(whole == doctest::Approx(value).epsilon(1e-13));
      CHECK(std::equal(small.begin(), small.end(), large.begin() + offset));
      CHECK(large[small.size() + static_cast<std::size_t>(offset)] == 3.0f);
    }
  // In the logits' own place.
  std::vector<float> logits = p.student;
  in.student = matrix_view<const float>(logits.data(), many_rows, many_columns);
  distill::gradients<float> out;
  out.student = matrix_view<float>(logits.data(), many_rows, many_columns);
  distill::value_and_gradient(kl{}, in, out, {.reduction = reduction::sum()});
  CHECK(harness::same(logits, small));
}

TEST_CASE("more than 2^31 elements: positions are 64-bit") {
  // One row of memory serves all rows: stride 0.
  constexpr distill::index many = 66'000, wide = 32'768;
  static_assert(many * wide > (distill::index(1) << 31));
  const auto p = harness::random_problem<float>(1, wide, 92);
  distill::batch<float> in;
  in.student = matrix_view<const float>(p.student.data(), many, wide, 0);
  in.teacher = matrix_view<const float>(p.teacher.data(), many, wide, 0);
  const double one = distill::value(kl{}, harness::inputs_of(kl{}, p));
  // Rows are added one after the other: half a unit in the last place for each.
  CHECK(distill::value(kl{}, in, {.execution = {.threads = 2}}) == doctest::Approx(one).epsilon(many * 0x1p-53));
}
