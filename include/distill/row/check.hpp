// Everything a caller can get wrong, found before any output is touched. The text names the argument and both values.
#pragma once

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "algebra.hpp"
#include "batch.hpp"
#include "plan.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

inline constexpr std::array<const char*, input_count> input_names{"student", "teacher", "auxiliary"};

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
  constexpr double coldest = sizeof(lane_scalar<T>) == 4 ? 1e-30 : 1e-300,
                   hottest = sizeof(lane_scalar<T>) == 4 ? 1e30 : 1e300;
  for (index r = 0; r < count; ++r) {
    const double t = temperature[r];
    if (!(t > 0) || std::isinf(t))
      fail(std::string(objective), ": temperature is ", t, ", must be positive and finite");
    if (!(t >= coldest && t <= hottest))
      fail(std::string(objective), ": temperature is ", t, ", must lie in [", coldest, ", ", hottest, "]");
  }
}

inline void check_share(std::string_view objective, const char* name, const row_parameter& share, index rows) {
  share.require_rows(name, rows);
  for (index r = 0; r < (share.varies() ? rows : 1); ++r)
    if (!(share[r] >= 0 && share[r] <= 1))
      fail(std::string(objective), ": ", name, " is ", share[r], ", must lie in [0, 1]");
}

template <class T, class L>
void check_leaf(const weighted<L>& item, index rows, index columns) {
  item.weight.require_rows("weight of an objective", rows);
  check_temperature<T>(L::info.name, item.leaf.temperature, rows);
  for (const site& s : sites_of(item.leaf)) {
    check_temperature<T>(L::info.name, s.temperature, rows);
    const kept_columns& kept = s.row.columns;
    if (kept.which == kept_columns::rule::listed && kept.classes.size() != columns)
      fail(std::string(L::info.name), ": the list of classes has ", kept.classes.size(), " entries, student has ",
           columns, " columns");
    if (kept.which == kept_columns::rule::without_column && (kept.column < -columns || kept.column >= columns))
      fail(std::string(L::info.name), ": the left-out column is ", kept.column, ", student has ", columns, " columns");
    if (kept.which == kept_columns::rule::band) {
      check_share(L::info.name, "lower", kept.lower, rows);
      check_share(L::info.name, "upper", kept.upper, rows);
    }
  }
  if constexpr (requires { item.leaf.validate(rows); }) item.leaf.validate(rows);
}

/// Ids within the row, none twice; -1 is an empty slot.
inline void check_stored(const stored_teacher& stored, index rows, index columns, std::vector<bool>& seen) {
  if (!stored.classes && rows > 0) fail("stored.classes is empty, the objective needs it");
  if (stored.classes.rows() != rows) fail("stored.classes has ", stored.classes.rows(), " rows, student has ", rows);
  if (stored.log_p.rows() != rows || stored.log_p.columns() != stored.classes.columns())
    fail("stored.log_p is ", stored.log_p.rows(), " x ", stored.log_p.columns(), ", stored.classes is ",
         stored.classes.rows(), " x ", stored.classes.columns());
  seen.assign(static_cast<std::size_t>(columns), false);
  for (index r = 0; r < rows; ++r) {
    for (index j = 0; j < stored.classes.columns(); ++j) {
      const index c = stored.classes(r, j);
      if (c < -1 || c >= columns)
        fail("stored.classes[", r, ", ", j, "] is ", c, ", must lie in [0, ", columns, ") or be -1");
      if (c < 0) continue;
      if (seen[static_cast<std::size_t>(c)]) fail("stored.classes[", r, ", ", j, "] is ", c, ", for the second time");
      seen[static_cast<std::size_t>(c)] = true;
    }
    for (index j = 0; j < stored.classes.columns(); ++j)
      if (const index c = stored.classes(r, j); c >= 0) seen[static_cast<std::size_t>(c)] = false;
  }
}

template <row_objective X, class T>
void check_inputs(const sum_of<X>& sum, const row_plan<X>& plan, const batch<T>& in, std::vector<bool>& marks) {
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
  if (plan.needs_stored) check_stored(in.stored, rows, columns, marks);
  if (plan.needs_label && !in.labels && rows > 0) fail("labels are empty, the objective needs them");
  sum.each([&](auto, const auto& item) {
    check_leaf<T>(item, rows, columns);
    constexpr bool validates = requires { item.leaf.validate_label(0, 0, 0); };
    constexpr bool counts = requires { item.leaf.counts(0); };
    bool needed = validates || counts;
    if constexpr (requires { item.leaf.needs_labels(); }) needed = item.leaf.needs_labels();
    if (needed && !in.labels && rows > 0) fail("labels are empty, the objective needs them");
    if constexpr (validates)
      for (index r = 0; in.labels && r < rows; ++r) item.leaf.validate_label(r, in.labels[r], columns);
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

template <class T>
void check_temperature_output(const gradients<T>& out, index rows, index leaves) {
  const matrix_view<wide<T>>& to = out.temperature;
  if (to && (to.rows != rows || to.columns != leaves))
    fail("gradient of temperature is ", to.rows, " x ", to.columns, ", must be ", rows, " rows x ", leaves, " leaves");
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
