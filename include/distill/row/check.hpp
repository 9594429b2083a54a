// Everything a caller can get wrong, found before any output is touched. The text names the argument and both values.
#pragma once

#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "../config.hpp"
#include "../core/error.hpp"
#include "algebra.hpp"
#include "batch.hpp"
#include "plan.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

inline constexpr std::array<const char*, input_count> input_names{"student", "teacher"};

template <class Rows>
void check_shape(const char* what, const char* name, const Rows& rows, index n, index c) {
  if (rows.rows() != n) fail(what, name, " has ", rows.rows(), " rows, student has ", n);
  if (rows.columns() != c) fail(what, name, " has ", rows.columns(), " columns, student has ", c);
}

template <class T>
void check_temperature(std::string_view objective, const row_parameter& temperature, index rows) {
  temperature.require_rows("temperature", rows);
  const index count = temperature.varies() ? rows : 1;
  // 1/T and its multiples stay normal numbers.
  constexpr double coldest = sizeof(T) == 4 ? 1e-30 : 1e-300, hottest = sizeof(T) == 4 ? 1e30 : 1e300;
  for (index r = 0; r < count; ++r) {
    const double t = temperature[r];
    if (!(t > 0) || std::isinf(t))
      fail(std::string(objective), ": temperature is ", t, ", must be positive and finite");
    if (!(t >= coldest && t <= hottest))
      fail(std::string(objective), ": temperature is ", t, ", must lie in [", coldest, ", ", hottest, "]");
  }
}

template <class T, class L>
void check_leaf(const weighted<L>& item, index rows) {
  item.weight.require_rows("weight of an objective", rows);
  check_temperature<T>(L::info.name, item.leaf.temperature, rows);
  if constexpr (separable<L>) {
    const site_pair pair = sites_of(item.leaf);
    check_temperature<T>(L::info.name, pair.student.temperature, rows);
    check_temperature<T>(L::info.name, pair.teacher.temperature, rows);
  }
  if constexpr (requires { item.leaf.validate(rows); }) item.leaf.validate(rows);
}

template <row_objective X, class T>
void check_inputs(const sum_of<X>& sum, const row_plan<X>& plan, const batch<T>& in) {
  if (!in.student) fail("student is empty");
  const index rows = in.student.rows(), columns = in.student.columns();
  if (columns < 1) fail("student has ", columns, " columns, needs at least 1");
  for (int k = 0; k < input_count; ++k) {
    const row_input<T>& rows_in = in[static_cast<input>(k)];
    const bool used = plan.used[static_cast<std::size_t>(k)];
    if (used && !rows_in) fail(input_names[static_cast<std::size_t>(k)], " is empty, the objective needs it");
    if (used) check_shape("", input_names[static_cast<std::size_t>(k)], rows_in, rows, columns);
  }
  if (in.labels && in.labels.size() != rows)
    fail("labels has ", in.labels.size(), " entries, student has ", rows, " rows");
  sum.each([&](auto, const auto& item) {
    check_leaf<T>(item, rows);
    constexpr bool validates = requires { item.leaf.validate_label(0, 0, 0); };
    constexpr bool counts = requires { item.leaf.counts(0); };
    if ((validates || counts) && !in.labels && rows > 0) fail("labels are empty, the objective needs them");
    if constexpr (validates)
      for (index r = 0; r < rows; ++r) item.leaf.validate_label(r, in.labels[r], columns);
  });
}

template <class T>
void check_outputs(const std::array<bool, input_count>& used, const batch<T>& in, const gradients<T>& out) {
  const index rows = in.student.rows(), columns = in.student.columns();
  for (int k = 0; k < input_count; ++k) {
    const row_output<T>& target = out[static_cast<input>(k)];
    const char* name = input_names[static_cast<std::size_t>(k)];
    if (!target) continue;
    check_shape("gradient of ", name, target, rows, columns);
    if (used[static_cast<std::size_t>(k)] && in[static_cast<input>(k)].is_probability())
      fail("gradient of ", name, ": not defined at zero mass for probabilities; pass log-probabilities as logits");
  }
}

inline void check_execution(const execution& how) {
  if (how.threads < 0) fail("execution.threads is ", how.threads, ", must not be negative");
}

inline void check_options(const row_options& options, index rows) {
  options.weights.require_rows("weights", rows);
  options.upstream.require_rows("upstream", rows);
  if (options.mask && options.mask.size() != rows)
    fail("mask has ", options.mask.size(), " entries, student has ", rows, " rows");
  check_execution(options.execution);
}

}  // namespace detail
DISTILL_NAMESPACE_END
