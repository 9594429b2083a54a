// Pair objectives, value and student gradient, beside the products that their mathematics cannot do without, on the
// same features in the same run.
//
//   ms        median time of a call        list_ms  the products alone, a symmetric one at half its size
//   x_list    median ratio of interleaved pairs
//
// and the products themselves beside Eigen's.
#include <benchmark/benchmark.h>

#include <distill/contrast/evaluate.hpp>
#include <distill/core/random.hpp>
#include <distill/dense/product.hpp>
#include <distill/dense/symmetric.hpp>
#include <distill/objective/cka.hpp>
#include <distill/objective/info_nce.hpp>
#include <distill/objective/pkt.hpp>
#include <distill/objective/rbf_cka.hpp>
#include <distill/objective/relational_distance.hpp>
#include <distill/objective/similarity_preserving.hpp>
#include <distill/pair/evaluate.hpp>
#include <Eigen/Dense>
#include <memory>
#include <string>
#include <vector>

#include "paired.hpp"

namespace {

using distill::buffer;
using distill::index;
using distill::matrix_view;

/// n samples of both networks, and room for what the products make.
struct data {
  index n, d;
  buffer<float> student{n * d}, teacher{n * d}, to_student{n * d}, to_teacher{n * d}, gram{n * n}, other{n * n},
      squares{3 * d * d};
  distill::pair_workspace<float> workspace;

  data(index rows, index columns) : n(rows), d(columns) {
    const distill::random_stream random(1);
    for (index i = 0; i < n * d; ++i) {
      teacher.data()[i] = static_cast<float>(random.normal(static_cast<std::uint64_t>(i)));
      student.data()[i] = teacher.data()[i] + static_cast<float>(random.normal(static_cast<std::uint64_t>(n * d + i)));
    }
  }
  matrix_view<const float> s() const { return {student.data(), n, d}; }
  matrix_view<const float> t() const { return {teacher.data(), n, d}; }
  matrix_view<float> ds() const { return {to_student.data(), n, d}; }
  matrix_view<float> dt() const { return {to_teacher.data(), n, d}; }
  matrix_view<float> square(index which = 0) const { return {which ? other.data() : gram.data(), n, n}; }
  matrix_view<float> small(index which) const { return {squares.data() + which * d * d, d, d}; }
};

data& data_for(index n, index d) {
  static std::vector<std::unique_ptr<data>> all;
  for (auto& known : all)
    if (known->n == n && known->d == d) return *known;
  all.push_back(std::make_unique<data>(n, d));
  return *all.back();
}

/// Two Gram matrices and the way back of one.
void gram_list(const data& x, int threads) {
  distill::symmetric_product(x.s(), x.square(), {threads});
  distill::symmetric_product(x.t(), x.square(1), {threads});
  distill::product(matrix_view<const float>(x.square()), x.s(), x.ds(), {}, {threads});
}
/// XᵀX, YᵀY, YᵀX and the way back: X (XᵀX), Y (YᵀX).
void feature_list(const data& x, int threads) {
  distill::symmetric_product(distill::transposed(x.s()), x.small(0), {threads});
  distill::symmetric_product(distill::transposed(x.t()), x.small(1), {threads});
  distill::product(distill::transposed(x.t()), x.s(), x.small(2), {}, {threads});
  distill::product(x.s(), matrix_view<const float>(x.small(0)), x.ds(), {}, {threads});
  distill::product(x.t(), matrix_view<const float>(x.small(2)), x.ds(), matrix_view<const float>(x.ds()), {threads});
}
/// Similarities and the way back to both sides.
void contrast_list(const data& x, int threads) {
  distill::product(x.s(), distill::transposed(x.t()), x.square(), {}, {threads});
  distill::product(matrix_view<const float>(x.square()), x.t(), x.ds(), {}, {threads});
  distill::product(distill::transposed(matrix_view<const float>(x.square())), x.s(), x.dt(), {}, {threads});
}

template <class Subject, class Baseline>
void compare(const std::string& name, index n, index d, int threads, Subject subject, Baseline list) {
  benchmark::RegisterBenchmark(
      (name + "/" + std::to_string(n) + "x" + std::to_string(d) + "/threads:" + std::to_string(threads)).c_str(),
      [=](benchmark::State& state) {
        data& x = data_for(n, d);
        const bench::pairing result = bench::interleaved([&] { list(x, threads); }, [&] { subject(x, threads); });
        for (auto _ : state) state.SetIterationTime(result.subject_seconds);
        state.counters["ms"] = result.subject_seconds * 1e3;
        state.counters["list_ms"] = result.baseline_seconds * 1e3;
        state.counters["x_list"] = result.ratio;
      })
      ->UseManualTime()
      ->Iterations(1);
}

template <class Objective>
auto call(const Objective& objective) {
  return [objective](data& x, int threads) {
    const double value =
        distill::value_and_gradient(objective, distill::feature_pair<float>{x.s(), x.t()}, {.student = x.ds()},
                                    {.execution = {.threads = threads}}, x.workspace);
    benchmark::DoNotOptimize(value);
  };
}

/// Anchors and keys, gradients to both.
void info_nce(data& x, int threads) {
  static distill::contrast_workspace<float> workspace;
  const double value =
      distill::value_and_gradient(distill::info_nce{}, distill::contrast_batch<float>{.anchors = x.s(), .keys = x.t()},
                                  {.anchors = x.ds(), .keys = x.dt()}, {.execution = {.threads = threads}}, workspace);
  benchmark::DoNotOptimize(value);
}

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

int main(int argc, char** argv) {
  Eigen::setNbThreads(1);
  for (const int threads : {1, 2}) {
    compare("similarity_preserving", 1024, 512, threads, call(distill::similarity_preserving{}), gram_list);
    compare("cka", 1024, 512, threads, call(distill::cka{}), gram_list);
    compare("relational_distance", 1024, 512, threads, call(distill::relational_distance{}), gram_list);
    compare("pkt", 1024, 512, threads, call(distill::pkt{}), gram_list);
    compare("rbf_cka", 1024, 512, threads, call(distill::rbf_cka{.width = 30}), gram_list);
    compare("info_nce", 1024, 512, threads, info_nce, contrast_list);
    compare("cka", 4096, 256, threads, call(distill::cka{}), feature_list);
  }
  // Eigen's product, of one thread, in the place of the objective: ms is Eigen's, list_ms ours.
  const auto eigen = [](data& x, int) {
    Eigen::Map<matrix>(x.gram.data(), x.n, x.n).noalias() =
        Eigen::Map<const matrix>(x.student.data(), x.n, x.d) *
        Eigen::Map<const matrix>(x.student.data(), x.n, x.d).transpose();
  };
  compare("eigen_product/ours", 1024, 512, 1, eigen,
          [](data& x, int) { distill::product(x.s(), distill::transposed(x.s()), x.square()); });
  compare("eigen_product/ours_symmetric", 1024, 512, 1, eigen,
          [](data& x, int) { distill::symmetric_product(x.s(), x.square()); });
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
