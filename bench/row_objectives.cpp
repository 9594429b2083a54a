// Row objectives, value and student gradient, beside the read-read-write kernel on the same buffers in the same run.
//
//   ns/el   median time per element            rrw_ns  the kernel's, the faster of plain and streaming stores
//   x_rrw   median ratio of interleaved pairs  rrw_GBs what that kernel moves
//
// and the ratios of one expression to another: fused sums to their divergence alone, two threads to one.
#include <benchmark/benchmark.h>

#include <distill/core/buffer.hpp>
#include <distill/core/half.hpp>
#include <distill/objective/amari_alpha.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/jeffreys.hpp>
#include <distill/objective/jensen_shannon.hpp>
#include <distill/objective/kl.hpp>
#include <distill/objective/reverse_kl.hpp>
#include <distill/objective/skew_kl.hpp>
#include <distill/objective/skew_reverse_kl.hpp>
#include <distill/objective/squared_hellinger.hpp>
#include <distill/objective/total_variation.hpp>
#include <distill/row/evaluate.hpp>
#include <distill/row/pixel_rows.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "paired.hpp"
#include "stream.hpp"

namespace {

using distill::cross_entropy;
using distill::jensen_shannon;
using distill::kl;
using distill::reverse_kl;

struct shape {
  distill::index rows, columns;
  std::string name() const { return std::to_string(rows) + "x" + std::to_string(columns); }
  distill::index size() const { return rows * columns; }
};

template <class T>
struct data {
  shape extent;
  distill::buffer<T> student, teacher, gradient;
  std::vector<std::int64_t> labels;
  distill::row_workspace<T> workspace;

  explicit data(shape s)
      : extent(s), student(s.size()), teacher(s.size()), gradient(s.size()), labels(static_cast<std::size_t>(s.rows)) {
    std::uint64_t state = 0x9e3779b97f4a7c15u;
    const auto draw = [&] {  // a sum of uniforms is normal enough for logits
      double sum = 0;
      for (int k = 0; k < 4; ++k) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        sum += static_cast<double>(state >> 40) / static_cast<double>(1u << 24) - 0.5;
      }
      return sum * 3.4;
    };
    for (distill::index i = 0; i < s.size(); ++i) {
      teacher.data()[i] = static_cast<T>(draw());
      student.data()[i] = teacher.data()[i] + static_cast<T>(0.3 * draw());
      gradient.data()[i] = 0;
    }
    for (auto& label : labels)
      label = static_cast<std::int64_t>((state = state * 6364136223846793005u + 1) >> 33) % s.columns;
  }

  template <class X>
  auto call(const X& objective, int threads) {
    return [this, objective, threads] {
      const distill::batch<T> in{.student = view(student), .teacher = view(teacher), .labels = labels};
      const double value = distill::value_and_gradient(objective, in, {.student = matrix(gradient)},
                                                       {.execution = {.threads = threads}}, workspace);
      benchmark::DoNotOptimize(value);
    };
  }
  /// The same call on column-major storage: rows are gathered and scattered through tiles.
  template <class X>
  auto column_major_call(const X& objective) {
    return [this, objective] {
      const auto turned = [&](const distill::buffer<T>& b) {
        return distill::matrix_view<T>(b.data(), extent.rows, extent.columns, 1, extent.rows);
      };
      const distill::batch<T> in{.student = turned(student), .teacher = turned(teacher), .labels = labels};
      const double value = distill::value_and_gradient(objective, in, {.student = turned(gradient)}, {}, workspace);
      benchmark::DoNotOptimize(value);
    };
  }
  /// The same call with logits and gradient stored as H (float, half or bfloat16), in rows or as one image whose pixels
  /// are the rows.
  template <class H, class X>
  auto stored_call(const X& objective, bool pixels = false) {
    struct copies {
      distill::buffer<H> student, teacher, gradient;
    };
    const auto made = std::make_shared<copies>(distill::buffer<H>(extent.size()), distill::buffer<H>(extent.size()),
                                               distill::buffer<H>(extent.size()));
    for (distill::index i = 0; i < extent.size(); ++i) {
      made->student.data()[i] = H(student.data()[i]);
      made->teacher.data()[i] = H(teacher.data()[i]);
      made->gradient.data()[i] = H(0.0f);
    }
    return [this, objective, pixels, made] {
      const auto rows = [&](const distill::buffer<H>& b) {
        return pixels ? distill::pixel_rows(b.data(), {1, extent.columns, extent.rows, 1})
                      : distill::rows_view(distill::matrix_view<H>(b.data(), extent.rows, extent.columns));
      };
      const distill::batch<T> in{.student = rows(made->student), .teacher = rows(made->teacher), .labels = labels};
      const double value = distill::value_and_gradient(objective, in, {.student = rows(made->gradient)}, {}, workspace);
      benchmark::DoNotOptimize(value);
    };
  }
  template <bool Streaming>
  auto stream(int threads) {
    return [this, threads] {
      bench::read_read_write<T, Streaming>(student.data(), teacher.data(), gradient.data(), extent.size(), threads);
      benchmark::ClobberMemory();
    };
  }

 private:
  distill::matrix_view<const T> view(const distill::buffer<T>& b) const {
    return {b.data(), extent.rows, extent.columns};
  }
  distill::matrix_view<T> matrix(const distill::buffer<T>& b) const { return {b.data(), extent.rows, extent.columns}; }
};

template <class T>
data<T>& data_for(shape s) {
  static std::vector<std::unique_ptr<data<T>>> all;
  for (auto& known : all)
    if (known->extent.rows == s.rows && known->extent.columns == s.columns) return *known;
  all.push_back(std::make_unique<data<T>>(s));
  return *all.back();
}

void report(benchmark::State& state, const bench::pairing& result) {
  for (auto _ : state) state.SetIterationTime(result.subject_seconds);
}

template <class T, class X>
void against_stream(const std::string& name, const X& objective, shape s, int threads) {
  benchmark::RegisterBenchmark(
      (name + "<" + (sizeof(T) == 4 ? "float" : "double") + ">/" + s.name() + "/threads:" + std::to_string(threads))
          .c_str(),
      [=](benchmark::State& state) {
        data<T>& d = data_for<T>(s);
        auto plain = d.template stream<false>(threads);
        auto streaming = d.template stream<true>(threads);
        auto subject = d.call(objective, threads);
        const bool plain_wins = bench::interleaved(streaming, plain, 5).ratio < 1;
        const bench::pairing result =
            plain_wins ? bench::interleaved(plain, subject) : bench::interleaved(streaming, subject);
        report(state, result);
        const double elements = static_cast<double>(s.size());
        state.counters["ns/el"] = result.subject_seconds / elements * 1e9;
        state.counters["x_rrw"] = result.ratio;
        state.counters["rrw_ns"] = result.baseline_seconds / elements * 1e9;
        state.counters["rrw_GBs"] = 3 * sizeof(T) * elements / result.baseline_seconds * 1e-9;
        state.counters["us/call"] = result.subject_seconds * 1e6;
      })
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMicrosecond);
}

/// `calls(data)` makes the pair (baseline, subject).
template <class T, class Calls>
void compare(const std::string& name, shape s, const Calls& calls) {
  benchmark::RegisterBenchmark(("ratio " + name + "/" + (sizeof(T) == 4 ? "float" : "double") + "/" + s.name()).c_str(),
                               [=](benchmark::State& state) {
                                 auto [baseline, subject] = calls(data_for<T>(s));
                                 const bench::pairing result = bench::interleaved(baseline, subject);
                                 report(state, result);
                                 state.counters["ratio"] = result.ratio;
                               })
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMicrosecond);
}

template <class T>
void register_type() {
  const shape shapes[] = {{128, 10}, {2048, 1000}, {512, 32000}};
  for (const shape s : shapes)
    for (const int threads : {1, 2}) {
      against_stream<T>("kl T=4", kl{.temperature = 4}, s, threads);
      against_stream<T>("reverse_kl T=4", reverse_kl{.temperature = 4}, s, threads);
      against_stream<T>("jensen_shannon T=4", jensen_shannon{.temperature = 4}, s, threads);
      against_stream<T>("cross_entropy", cross_entropy{}, s, threads);
      against_stream<T>("0.9 kl T=4 + 0.1 cross_entropy", 0.9 * kl{.temperature = 4} + 0.1 * cross_entropy{}, s,
                        threads);
    }
  const shape wide = shapes[2];
  const auto family = [&](const std::string& name, const auto& objective) {
    against_stream<T>(name, objective, wide, 1);
  };
  family("skew_kl", distill::skew_kl{});
  family("skew_reverse_kl", distill::skew_reverse_kl{});
  family("jensen_shannon beta=0.3", jensen_shannon{.beta = 0.3});
  family("jeffreys", distill::jeffreys{});
  family("squared_hellinger", distill::squared_hellinger{});
  family("total_variation", distill::total_variation{});
  family("amari_alpha 0.7", distill::amari_alpha{.alpha = 0.7});
  compare<T>("KL T=4 + reverse KL T=1 + CE / KL", wide, [](data<T>& d) {
    return std::pair(d.call(kl{.temperature = 4}, 1),
                     d.call(0.5 * kl{.temperature = 4} + 0.4 * reverse_kl{} + 0.1 * cross_entropy{}, 1));
  });
  for (const shape s : shapes) {
    const auto mix = [](double kl_t, double ce_t) {
      return 0.9 * kl{.temperature = kl_t} + 0.1 * cross_entropy{.temperature = ce_t};
    };
    const auto fused = [&](const std::string& name, double kl_t, double ce_t) {
      compare<T>(name, s,
                 [=](data<T>& d) { return std::pair(d.call(kl{.temperature = kl_t}, 1), d.call(mix(kl_t, ce_t), 1)); });
    };
    fused("CE+KL one T=1 / KL", 1, 1);
    fused("CE+KL one T=4 / KL", 4, 4);
    fused("CE T=1 + KL T=4 / KL", 4, 1);
    fused("CE T=1 + KL T=3 / KL", 3, 1);
    fused("CE T=1 + KL T=2.5 / KL", 2.5, 1);
    const kl objective{.temperature = 4};
    compare<T>("KL 1 thread / 2 threads", s,
               [=](data<T>& d) { return std::pair(d.call(objective, 2), d.call(objective, 1)); });
    compare<T>("KL column-major / row-major", s,
               [=](data<T>& d) { return std::pair(d.call(objective, 1), d.column_major_call(objective)); });
    if constexpr (std::is_same_v<T, float>) {
      const auto stored = [&]<class H>(const std::string& name, H, bool pixels) {
        compare<T>(name, s, [=](data<T>& d) {
          return std::pair(d.call(objective, 1), d.template stored_call<H>(objective, pixels));
        });
      };
      stored("KL in bfloat16 / in float", distill::bfloat16(), false);
      stored("KL in half / in float", distill::half(), false);
      stored("KL of bfloat16 pixels / of float rows", distill::bfloat16(), true);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  register_type<float>();
  register_type<double>();
  benchmark::AddCustomContext("instruction set", std::to_string(8 * sizeof(distill::simd<float>)) + "-bit");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
