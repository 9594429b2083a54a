// What needs an order: the sort itself, soft ranks (with the sort, and with the way back), and objectives that sort,
// value and student gradient on one thread.
//
//   ns/el   median time per element
//   x_std   the sort: median ratio of std::stable_sort on the same rows to it, interleaved
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <distill/core/buffer.hpp>
#include <distill/core/radix_sort.hpp>
#include <distill/core/random.hpp>
#include <distill/objective/hinge_rank.hpp>
#include <distill/objective/logistic_rank.hpp>
#include <distill/objective/margin_mse.hpp>
#include <distill/objective/pld.hpp>
#include <distill/objective/spearman.hpp>
#include <distill/objective/uld.hpp>
#include <distill/objective/wasserstein_1d.hpp>
#include <distill/pair/evaluate.hpp>
#include <distill/rank/soft_ranks.hpp>
#include <distill/row/evaluate.hpp>
#include <memory>
#include <string>
#include <vector>

#include "paired.hpp"

namespace {

using distill::index;

constexpr index row_lengths[] = {10, 100, 1000, 32000, 131072};

/// About a million numbers in rows of one length.
template <class T>
struct rows_of {
  index rows, columns;
  distill::buffer<T> student, teacher, gradient;
  distill::buffer<distill::ranked<T>> sorted, scratch;
  std::vector<std::int32_t> labels;
  distill::row_workspace<T> workspace;
  distill::pair_workspace<T> pairs;
  distill::buffer<std::byte> memory;
  distill::buffer<T> ranked_row;
  distill::buffer<std::int32_t> places;

  explicit rows_of(index length)
      : rows(std::max<index>(1, 1024000 / length)),
        columns(length),
        student(rows * columns),
        teacher(rows * columns),
        gradient(rows * columns),
        sorted(columns),
        scratch(columns) {
    const distill::random_stream a(1, 1), b(1, 2);
    for (index i = 0; i < size(); ++i) {
      teacher.data()[i] = static_cast<T>(2 * a.normal(static_cast<std::uint64_t>(i)));
      student.data()[i] = teacher.data()[i] + static_cast<T>(0.5 * b.normal(static_cast<std::uint64_t>(i)));
    }
    for (index r = 0; r < rows; ++r) labels.push_back(static_cast<std::int32_t>(r % columns));
  }
  index size() const { return rows * columns; }
  double ns(double seconds) const { return seconds / static_cast<double>(size()) * 1e9; }

  template <class X>
  auto call(const X& objective) {
    return [this, objective] {
      const distill::batch<T> in{.student = distill::matrix_view<const T>(student.data(), rows, columns),
                                 .teacher = distill::matrix_view<const T>(teacher.data(), rows, columns),
                                 .labels = labels};
      const double value = distill::value_and_gradient(
          objective, in, {.student = distill::matrix_view<T>(gradient.data(), rows, columns)}, {}, workspace);
      benchmark::DoNotOptimize(value);
    };
  }
  auto spearman() {
    return [this] {
      const distill::matrix_view<const T> own(student.data(), rows, columns), other(teacher.data(), rows, columns);
      const double value =
          distill::value_and_gradient(distill::spearman{}, distill::feature_pair<T>{own, other},
                                      {.student = distill::matrix_view<T>(gradient.data(), rows, columns)}, {}, pairs);
      benchmark::DoNotOptimize(value);
    };
  }
  /// The way back takes the teacher's row for slopes.
  auto soft_ranks(const distill::soft_rank_options& options, bool back) {
    return [this, options, back] {
      memory.reserve(distill::rank_scratch<T>::bytes(columns));
      const distill::rank_scratch<T> room(memory.data(), columns);
      T* const ranks = ranked_row.reserve(columns);
      std::int32_t* const order = places.reserve(columns);
      for (index r = 0; r < rows; ++r) {
        const T* const row = student.data() + r * columns;
        const auto known = distill::soft_rank_row(row, columns, options, ranks, order, room);
        if (back)
          distill::soft_rank_row_back(row, ranks, columns, options, known, order, teacher.data() + r * columns,
                                      gradient.data() + r * columns);
        benchmark::ClobberMemory();
      }
    };
  }
  auto sort() {
    return [this] {
      for (index r = 0; r < rows; ++r) {
        distill::sort_descending(teacher.data() + r * columns, columns, sorted.data(), scratch.data());
        benchmark::ClobberMemory();
      }
    };
  }
  auto stable_sort() {
    return [this] {
      for (index r = 0; r < rows; ++r) {
        const T* row = teacher.data() + r * columns;
        for (index c = 0; c < columns; ++c) sorted.data()[c] = {row[c], static_cast<std::int32_t>(c)};
        std::stable_sort(sorted.data(), sorted.data() + columns,
                         [](const auto& a, const auto& b) { return a.value > b.value; });
        benchmark::ClobberMemory();
      }
    };
  }
};

template <class T>
rows_of<T>& rows_for(index length) {
  static std::vector<std::unique_ptr<rows_of<T>>> all;
  for (auto& known : all)
    if (known->columns == length) return *known;
  all.push_back(std::make_unique<rows_of<T>>(length));
  return *all.back();
}

template <class T>
std::string named(const std::string& name, index length) {
  return name + "<" + (sizeof(T) == 4 ? "float" : "double") + ">/" + std::to_string(length);
}

template <class Run>
void add(const std::string& name, const Run& run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Iterations(1)->Unit(benchmark::kMicrosecond);
}

template <class T>
void add_sort(index length) {
  add(named<T>("sort_descending", length), [=](benchmark::State& state) {
    rows_of<T>& d = rows_for<T>(length);
    const bench::pairing result = bench::interleaved(d.sort(), d.stable_sort());
    for (auto _ : state) state.SetIterationTime(result.baseline_seconds);
    state.counters["ns/el"] = d.ns(result.baseline_seconds);
    state.counters["x_std"] = result.ratio;
  });
}

/// make(rows) is what to call.
template <class T, class Make>
void add_call(const std::string& name, const Make& make, index length) {
  add(named<T>(name, length), [=](benchmark::State& state) {
    rows_of<T>& d = rows_for<T>(length);
    auto call = make(d);
    call();
    std::vector<double> samples;
    const int repeats = std::max(1, static_cast<int>(0.02 / bench::seconds(call, 1)));
    for (int n = 0; n < 11; ++n) samples.push_back(bench::seconds(call, repeats));
    const double median = bench::median(samples);
    for (auto _ : state) state.SetIterationTime(median);
    state.counters["ns/el"] = d.ns(median);
  });
}

template <class T, class X>
void add_objective(const std::string& name, const X& objective, index length) {
  add_call<T>(
      name, [objective](rows_of<T>& d) { return d.call(objective); }, length);
}

template <class T>
void add_soft_ranks(const std::string& name, distill::rank_regularisation how, index length) {
  const distill::soft_rank_options options{.regularisation = how};
  add_call<T>(
      "soft_ranks " + name, [options](rows_of<T>& d) { return d.soft_ranks(options, false); }, length);
  add_call<T>(
      "soft_ranks " + name + " and back", [options](rows_of<T>& d) { return d.soft_ranks(options, true); }, length);
}

template <class T>
void add_type() {
  for (const index length : row_lengths) add_sort<T>(length);
  for (const index length : row_lengths) add_objective<T>("pld", distill::pld{}, length);
  for (const index length : row_lengths) add_objective<T>("pld head 10", distill::pld{.head = 10}, length);
  for (const index length : row_lengths) add_objective<T>("uld", distill::uld{}, length);
  for (const index length : row_lengths) add_objective<T>("uld head 64", distill::uld{.head = 64}, length);
  for (const index length : row_lengths) add_objective<T>("wasserstein_1d", distill::wasserstein_1d{}, length);
  for (const index length : row_lengths) add_objective<T>("margin_mse", distill::margin_mse{}, length);
  for (const index length : {index(10), index(100), index(1000)}) {
    add_objective<T>("hinge_rank", distill::hinge_rank{}, length);
    add_objective<T>("logistic_rank", distill::logistic_rank{}, length);
  }
  for (const index length : {index(10), index(100), index(1000), index(10000)}) {
    add_soft_ranks<T>("l2", distill::rank_regularisation::l2, length);
    add_soft_ranks<T>("kl", distill::rank_regularisation::kl, length);
    add_call<T>(
        "spearman", [](rows_of<T>& d) { return d.spearman(); }, length);
  }
}

}  // namespace

int main(int argc, char** argv) {
  add_type<float>();
  add_type<double>();
  benchmark::AddCustomContext("instruction set", std::to_string(8 * sizeof(distill::simd<float>)) + "-bit");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
