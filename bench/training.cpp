// Steps of training (forward, cross-entropy, backward, Adam; batch 128, float), and the products they consist of.
//
//   ms         median time of a step          images_s   images a second
//   GFLOP_s    additions and multiplications of the layers' definitions a second
//   of_peak    GFLOP_s as a share of what a loop of fused multiply-adds on registers reaches, times the threads
//   tape_MiB   memory the tape holds
//
// Products: GFLOP_s, of_peak, and GFLOP_s of Eigen's product in the same run (eigen, one thread).
#include <benchmark/benchmark.h>

#include <distill/core/random.hpp>
#include <distill/dense/product.hpp>
#include <Eigen/Core>
#include <memory>
#include <string>
#include <vector>

#include "paired.hpp"
#include "peak.hpp"
#include "students.hpp"

namespace {

using distill::index;
using distill::matrix_view;

template <class T>
double peak_of() {
  static const double value = bench::peak<T>();
  return value;
}

void train(const std::string& name, int threads) {
  benchmark::RegisterBenchmark(
      ("step/" + name + "/threads:" + std::to_string(threads)).c_str(),
      [=](benchmark::State& state) {
        constexpr index batch = 128;
        bench::nn::tensor<float> images({batch, 1, 28, 28});
        std::vector<std::int32_t> labels;
        const distill::random_stream random(1);
        for (index i = 0; i < images.size(); ++i)
          images.data()[i] = static_cast<float>(random.normal(static_cast<std::uint64_t>(i)));
        for (int i = 0; i < batch; ++i) labels.push_back(i % 10);
        bench::student student(name, threads);
        const auto step = [&] { benchmark::DoNotOptimize(student.step(images.view(), labels)); };
        step();
        const int repeats = std::max(1, static_cast<int>(0.03 / bench::seconds(step, 1)));
        std::vector<double> samples;
        for (int i = 0; i < 11; ++i) samples.push_back(bench::seconds(step, repeats));
        const double median = bench::median(samples), rate = batch * student.operations() / median;
        for (auto _ : state) state.SetIterationTime(median);
        state.counters["ms"] = median * 1e3;
        state.counters["images_s"] = batch / median;
        state.counters["GFLOP_s"] = rate * 1e-9;
        state.counters["of_peak"] = rate / (peak_of<float>() * threads);
        state.counters["tape_MiB"] = static_cast<double>(student.tape.memory().capacity()) / (1 << 20);
      })
      ->UseManualTime()
      ->Iterations(1);
}

/// c (m×n) = a (m×k) · b (k×n), each transposed or not, beside Eigen's.
template <class T>
void multiply(const std::string& type, index m, index n, index k, bool a_turned, bool b_turned, int threads) {
  const std::string turned = std::string(a_turned ? "T" : "N") + (b_turned ? "T" : "N");
  const std::string extents = std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
  benchmark::RegisterBenchmark(
      ("product/" + type + "/" + extents + "/" + turned + "/threads:" + std::to_string(threads)).c_str(),
      [=](benchmark::State& state) {
        using matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
        const matrix a = matrix::Random(a_turned ? k : m, a_turned ? m : k);
        const matrix b = matrix::Random(b_turned ? n : k, b_turned ? k : n);
        matrix c(m, n), d(m, n);
        matrix_view<const T> left(a), right(b);
        if (a_turned) left = distill::transposed(left);
        if (b_turned) right = distill::transposed(right);
        const auto eigen = [&] {
          if (a_turned && b_turned)
            d.noalias() = a.transpose() * b.transpose();
          else if (a_turned)
            d.noalias() = a.transpose() * b;
          else if (b_turned)
            d.noalias() = a * b.transpose();
          else
            d.noalias() = a * b;
        };
        const auto ours = [&] { distill::product(left, right, matrix_view<T>(c), {}, {threads}); };
        const bench::pairing result = bench::interleaved(eigen, ours);
        const double work = 2e-9 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
        for (auto _ : state) state.SetIterationTime(result.subject_seconds);
        state.counters["GFLOP_s"] = work / result.subject_seconds;
        state.counters["eigen"] = work / result.baseline_seconds;
        state.counters["of_peak"] = work * 1e9 / result.subject_seconds / (peak_of<T>() * threads);
      })
      ->UseManualTime()
      ->Iterations(1);
}

}  // namespace

int main(int argc, char** argv) {
  Eigen::setNbThreads(1);
  for (const int threads : {1, 2})
    for (const char* name : {"mlp", "lenet", "deep"}) train(name, threads);
  for (const int threads : {1, 2}) {
    multiply<float>("float", 128, 256, 784, false, false, threads);  // a layer forward, to its weights, to its input
    multiply<float>("float", 784, 256, 128, true, false, threads);
    multiply<float>("float", 128, 256, 128, false, true, threads);
    multiply<float>("float", 32, 784, 288, false, false, threads);  // a convolution of one image, likewise
    multiply<float>("float", 32, 288, 784, false, true, threads);
    multiply<float>("float", 288, 784, 32, true, false, threads);
    multiply<float>("float", 512, 512, 512, false, false, threads);
    multiply<float>("float", 1024, 1024, 512, false, true, threads);
    multiply<double>("double", 512, 512, 512, false, false, threads);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
