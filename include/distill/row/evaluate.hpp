// The calls on a row objective: value, gradient, both, or in two steps with anything in between.
#pragma once

#include <array>
#include <cmath>

#include "../config.hpp"
#include "algebra.hpp"
#include "batch.hpp"
#include "check.hpp"
#include "combine.hpp"
#include "kernel.hpp"
#include "plan.hpp"
#include "table.hpp"
#include "tiles.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN

/// The reduced value of an expression of K leaves, and of each leaf alone (reduced likewise, without its weight).
/// Number is double; in calls on dual numbers dual<double>, whose slope is the derivative along the inputs' slopes.
template <int K, class Number = double>
struct evaluation {
  Number value = 0;
  std::array<Number, static_cast<std::size_t>(K)> terms{};
  operator Number() const { return value; }  // NOLINT: most callers want the number
};

namespace detail {

/// Whether leaves take part in a row, and with which divisor: known from labels, masks and weights alone.
template <row_objective X, class T>
class participation {
 public:
  static constexpr std::size_t leaves = static_cast<std::size_t>(sum_of<X>::leaves);

  participation(const sum_of<X>& sum, const batch<T>& in, const row_options& options)
      : sum_(sum), labels_(in.labels), options_(options) {
    const index rows = in.student.rows();
    std::array<index, leaves> valid{};
    std::array<double, leaves> weight{};
    const auto how = options.reduction.how();
    if (how == reduction::kind::mean_valid || how == reduction::kind::mean_weight)
      for (index r = 0; r < rows; ++r) {
        const double row_weight = weight_of(r);
        if (row_weight == 0) continue;
        sum.each([&](auto k, const auto& item) {
          if (!counts(item.leaf, r)) return;
          ++valid[k];
          weight[k] += row_weight;
        });
      }
    for (std::size_t k = 0; k < leaves; ++k) {
      const double divisor = options.reduction.divisor(rows, valid[k], weight[k]);
      share_[k] = divisor == 0 ? 0 : 1 / divisor;
    }
  }

  /// weight / divisor of each leaf in this row, with and without the leaf's weight in the sum; 0 where it is absent.
  struct row_shares {
    std::array<double, leaves> plain{}, weighted{};
    std::array<bool, leaves> active{};
    bool any = false;
    bool swept_active = true;  // every leaf of the fused sweep takes part
  };
  row_shares at(index row) const {
    row_shares result;
    const double weight = weight_of(row);
    if (weight == 0) return result;
    sum_.each([&](auto k, const auto& item) {
      const double own = item.weight[row];
      if (!counts(item.leaf, row)) {
        if (compares_rows<std::remove_cvref_t<decltype(item.leaf)>>) result.swept_active = false;
        return;
      }
      result.plain[k] = weight * share_[k];
      result.weighted[k] = own * result.plain[k];
      result.active[k] = true;
      result.any = true;
    });
    return result;
  }

 private:
  double weight_of(index row) const { return options_.mask && options_.mask[row] == 0 ? 0 : options_.weights[row]; }
  template <class L>
  bool counts(const L& leaf, index row) const {
    if constexpr (requires { leaf.counts(0); })
      return !labels_ || leaf.counts(labels_[row]);  // without labels only who does not need them gets here
    else
      return true;
  }

  const sum_of<X>& sum_;
  const index_view& labels_;
  const row_options& options_;
  std::array<double, leaves> share_{};
};

template <class T>
void zero_row(const row_memory<T>& memory, index columns) {
  for (std::size_t o = 0; o < input_count; ++o)
    for (index c = 0; memory.out[o] && memory.how[o] != row_store::accumulate && c < columns; ++c) memory.out[o][c] = 0;
}

/// One call's rows: what each needs, how it is computed, what is recorded of it.
template <row_objective X, class T>
class row_call {
  using number = wide<T>;
  static constexpr std::size_t leaves = static_cast<std::size_t>(sum_of<X>::leaves);
  using shares_type = participation<X, T>;
  using several_type = short_kernel<T, X>;

 public:
  static constexpr index record_size = static_cast<index>(leaves) + 1;

  row_call(const sum_of<X>& sum, const shares_type& shares, const batch<T>& in, const row_options& options,
           bool with_gradient, const matrix_view<number>& to_temperature, number* records)
      : sum_(sum),
        shares_(shares),
        in_(in),
        options_(options),
        with_gradient_(with_gradient),
        to_temperature_(to_temperature),
        records_(records) {}

  void operator()(row_kernels<T, X>& kernels, const row_group<T>& group) const {
    if constexpr (several_type::possible)
      if (kernels.several && !to_temperature_) return together(kernels, group);
    for (std::size_t i = 0; i < group.memory.size(); ++i)
      alone(kernels.row, group.first + static_cast<index>(i), group.memory[i]);
  }

 private:
  index label(index row) const { return in_.labels ? in_.labels[row] : -1; }
  double upstream(index row) const { return with_gradient_ ? options_.upstream[row] : 0; }

  void record(index row, const typename shares_type::row_shares& share, const std::array<number, leaves>& value,
              number total) const {
    number* out = records_ + row * record_size;
    for (std::size_t k = 0; k < leaves; ++k) out[k] = share.active[k] ? share.plain[k] * value[k] : number(0);
    out[leaves] = total;
  }

  void alone(row_kernel<T, X>& kernel, index row, const row_memory<T>& memory) const {
    const auto share = shares_.at(row);
    const double factor = upstream(row);
    std::array<number, leaves> value{}, to_temperature{};
    if (share.any) kernel.open(row, label(row), memory);
    const auto weigh = [&](const std::array<number, leaves>& values) {
      auto coefficient = combination_of<X>(sum_, share.weighted, values).coefficient;
      for (number& c : coefficient) c *= factor;
      return coefficient;
    };
    if (share.any)
      value = factor == 0 ? kernel.values(share.active)
                          : kernel.values_and_gradient(share.active, weigh, memory,
                                                       to_temperature_ ? to_temperature.data() : nullptr);
    if (!share.any || factor == 0) zero_row(memory, in_.student.columns());  // last: it may be the input's own memory
    for (std::size_t k = 0; to_temperature_ && k < leaves; ++k) {
      number& target = to_temperature_(row, static_cast<index>(k));
      target = options_.store == store_mode::accumulate ? target + to_temperature[k] : to_temperature[k];
    }
    record(row, share, value, combination_of<X>(sum_, share.weighted, value).value);
  }

  void together(row_kernels<T, X>& kernels, const row_group<T>& group) const {
    several_type& several = *kernels.several;
    const std::size_t count = group.memory.size();
    std::array<typename shares_type::row_shares, several_type::lanes> share;
    std::array<std::array<double, several_type::lanes>, leaves> coefficient{};
    std::array<index, several_type::lanes> labels;
    std::array<bool, several_type::lanes> usual{};
    labels.fill(-1);
    several.open(group.first, group.memory);
    for (std::size_t l = 0; l < count; ++l) {
      const index row = group.first + static_cast<index>(l);
      share[l] = shares_.at(row);
      labels[l] = label(row);
      const double factor = upstream(row);
      usual[l] = several.ordinary(l) && share[l].any && share[l].swept_active;
      for (std::size_t k = 0; k < leaves && usual[l]; ++k) coefficient[k][l] = factor * share[l].weighted[k];
    }
    const auto& values = with_gradient_ ? several.template evaluate<true>(coefficient, labels, group.memory[0])
                                        : several.template evaluate<false>(coefficient, labels, group.memory[0]);
    for (std::size_t l = 0; l < count; ++l) {
      const index row = group.first + static_cast<index>(l);
      std::array<double, leaves> value;
      for (std::size_t k = 0; k < leaves; ++k) {
        value[k] = values[k][l];
        usual[l] = usual[l] && std::isfinite(value[k]);  // infinite slopes are the other kernel's
      }
      if (!usual[l]) {
        alone(kernels.row, row, group.memory[l]);
        continue;
      }
      if (with_gradient_) several.write(l, coefficient, group.memory[l]);
      record(row, share[l], value, combination_of<X>(sum_, share[l].weighted, value).value);
    }
  }

  const sum_of<X>& sum_;
  const shares_type& shares_;
  const batch<T>& in_;
  const row_options& options_;
  bool with_gradient_;
  matrix_view<number> to_temperature_;
  number* records_;
};

/// What every call begins with.
template <row_objective X, class T>
row_plan<X> checked_plan(const sum_of<X>& sum, const batch<T>& in, row_workspace<T>& workspace) {
  row_plan<X> plan(sum);
  plan.stored = in.stored;
  check_inputs<X>(sum, plan, in, workspace.marks());
  return plan;
}

template <row_objective X, class T>
evaluation<sum_of<X>::leaves, wide<T>> run(const X& objective, const batch<T>& in, const gradients<T>& out,
                                           const row_options& options, row_workspace<T>& workspace) {
  constexpr std::size_t leaves = static_cast<std::size_t>(sum_of<X>::leaves);
  const sum_of<X>& sum = as_sum(objective);
  const auto plan = checked_plan<X>(sum, in, workspace);
  check_outputs(plan.used, in, out);
  check_temperature_output(out, in.student.rows(), static_cast<index>(leaves));
  check_options(options, in.student.rows());
  const participation<X, T> shares(sum, in, options);
  const index rows = in.student.rows(), size = row_call<X, T>::record_size;
  wide<T>* records = workspace.values(rows * size);
  const bool with_gradient = out.student || out.teacher || out.auxiliary || out.temperature;
  const row_call<X, T> call(sum, shares, in, options, with_gradient, out.temperature, records);
  for_each_row<X>(sum, plan, in, out, options.store, options.execution, workspace, call);

  evaluation<sum_of<X>::leaves, wide<T>> result;
  for (index r = 0; r < rows; ++r) {  // one order, whatever the threads did
    for (std::size_t k = 0; k < leaves; ++k) result.terms[k] += records[r * size + static_cast<index>(k)];
    result.value += records[r * size + static_cast<index>(leaves)];
  }
  return result;
}

}  // namespace detail

/// The value of the objective over the batch. Throws argument_error.
template <row_objective X, class T>
evaluation<sum_of<X>::leaves, wide<T>> value(const X& objective, const batch<T>& in, const row_options& options,
                                             row_workspace<T>& workspace) {
  return detail::run(objective, in, gradients<T>{}, options, workspace);
}

/// The value, and the gradient with respect to every input that `out` names. Throws argument_error before it writes.
///
/// With dual numbers for T the slopes of a gradient are its derivative along the inputs' slopes: of z = dual(z, v) the
/// Hessian–vector product H v. Where a part of an objective is held constant, it is the gradient's derivative all the
/// same.
template <row_objective X, class T>
evaluation<sum_of<X>::leaves, wide<T>> value_and_gradient(const X& objective, const batch<T>& in,
                                                          const std::type_identity_t<gradients<T>>& out,
                                                          const row_options& options, row_workspace<T>& workspace) {
  return detail::run(objective, in, out, options, workspace);
}

/// First of two calls: the value of every leaf in every row. Rows are not weighted, masked or reduced here; a leaf that
/// a row's label excludes has value 0.
template <row_objective X, class T>
void values(const X& objective, const batch<T>& in, value_table<X, wide<T>>& table, const execution& how,
            row_workspace<T>& workspace) {
  const sum_of<X>& sum = as_sum(objective);
  const auto plan = detail::checked_plan<X>(sum, in, workspace);
  const row_options options{.reduction = reduction::sum()};
  const detail::participation<X, T> shares(sum, in, options);
  detail::check_execution(how);
  table.resize(in.student.rows());
  detail::for_each_row<X>(sum, plan, in, gradients<T>{}, store_mode::overwrite, how, workspace,
                          [&](auto& kernels, const detail::row_group<T>& group) {
                            for (std::size_t i = 0; i < group.memory.size(); ++i) {
                              const index r = group.first + static_cast<index>(i);
                              kernels.row.open(r, in.labels ? in.labels[r] : -1, group.memory[i]);
                              table.values(r) = kernels.row.values(shares.at(r).active);
                              table.statistics(r) = kernels.row.statistics();
                            }
                          });
}

/// What the fused call makes of one row of the table: its value, and each leaf's coefficient, with the leaves' weights
/// and the functions of their values applied, and no reduction. Where a combination starts from.
template <row_objective X, class Number>
detail::row_combination<X, Number> combination(const X& objective, const value_table<X, Number>& table, index row) {
  const sum_of<X>& sum = as_sum(objective);
  constexpr auto leaves = static_cast<std::size_t>(sum_of<X>::leaves);
  std::array<double, leaves> weight{};
  std::array<Number, leaves> value{};
  sum.each([&](auto k, const auto& item) {
    weight[k] = item.weight[row];
    value[k] = table(row, k);
  });
  return detail::combination_of<X>(sum, weight, value);
}

/// Second call: Σ_k coefficients(row, k) · ∇leaf_k(row), from the statistics in the table. The leaves' weights in the
/// sum do not enter. A coefficient of 0 removes the leaf from the row.
template <row_objective X, class T>
void gradient(const X& objective, const batch<T>& in, const value_table<X, wide<T>>& table,
              const matrix_view<const wide<T>>& coefficients, const std::type_identity_t<gradients<T>>& out,
              store_mode store, const execution& how, row_workspace<T>& workspace) {
  constexpr std::size_t leaves = static_cast<std::size_t>(sum_of<X>::leaves);
  const sum_of<X>& sum = as_sum(objective);
  const auto plan = detail::checked_plan<X>(sum, in, workspace);
  detail::check_outputs(plan.used, in, out);
  const index rows = in.student.rows(), columns = in.student.columns();
  detail::check_execution(how);
  if (table.rows() != rows) fail("table has ", table.rows(), " rows, student has ", rows);
  if (coefficients.rows != rows || coefficients.columns != static_cast<index>(leaves))
    fail("coefficients is ", coefficients.rows, " x ", coefficients.columns, ", must be ", rows, " rows x ",
         static_cast<index>(leaves), " leaves");
  const row_options options{.reduction = reduction::sum()};
  const detail::participation<X, T> shares(sum, in, options);
  detail::for_each_row<X>(
      sum, plan, in, out, store, how, workspace, [&](auto& kernels, const detail::row_group<T>& group) {
        for (std::size_t i = 0; i < group.memory.size(); ++i) {
          const index r = group.first + static_cast<index>(i);
          auto active = shares.at(r).active;
          std::array<wide<T>, leaves> coefficient{};
          bool any = false;
          for (std::size_t k = 0; k < leaves; ++k) {
            coefficient[k] = coefficients(r, static_cast<index>(k));
            active[k] = active[k] && !detail::vanishes(coefficient[k]);
            any = any || active[k];
          }
          if (!any) {
            detail::zero_row(group.memory[i], columns);
            continue;
          }
          std::array<wide<T>, leaves> to_temperature;
          kernels.row.open(r, in.labels ? in.labels[r] : -1, group.memory[i], &table.statistics(r));
          kernels.row.values_and_gradient(
              active, [&](const auto&) { return coefficient; }, group.memory[i],
              out.temperature ? to_temperature.data() : nullptr);
          for (std::size_t k = 0; out.temperature && k < leaves; ++k) {
            wide<T>& target = out.temperature(r, static_cast<index>(k));
            target = store == store_mode::accumulate ? target + to_temperature[k] : to_temperature[k];
          }
        }
      });
}

/// The same calls with scratch of their own, for where an allocation does not matter.
template <row_objective X, class T>
evaluation<sum_of<X>::leaves, wide<T>> value(const X& objective, const batch<T>& in, const row_options& options = {}) {
  row_workspace<T> workspace;
  return value(objective, in, options, workspace);
}
template <row_objective X, class T>
evaluation<sum_of<X>::leaves, wide<T>> value_and_gradient(const X& objective, const batch<T>& in,
                                                          const std::type_identity_t<gradients<T>>& out,
                                                          const row_options& options = {}) {
  row_workspace<T> workspace;
  return value_and_gradient(objective, in, out, options, workspace);
}
template <row_objective X, class T>
void values(const X& objective, const batch<T>& in, value_table<X, wide<T>>& table, const execution& how = {}) {
  row_workspace<T> workspace;
  values(objective, in, table, how, workspace);
}
template <row_objective X, class T>
void gradient(const X& objective, const batch<T>& in, const value_table<X, wide<T>>& table,
              const matrix_view<const wide<T>>& coefficients, const std::type_identity_t<gradients<T>>& out,
              store_mode store = store_mode::overwrite, const execution& how = {}) {
  row_workspace<T> workspace;
  gradient(objective, in, table, coefficients, out, store, how, workspace);
}

DISTILL_NAMESPACE_END
