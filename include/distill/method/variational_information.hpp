// A pair objective with a third input that is trained.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "../config.hpp"
#include "../objective/logit_mse.hpp"
#include "../pair/evaluate.hpp"
#include "../row/evaluate.hpp"

DISTILL_NAMESPACE_BEGIN

/// Variational information distillation: the teacher's features are likely under Gaussians around what a regressor
/// makes of the student's, with a variance a channel that is learned too.
///   value     mean over everything of ½ ((μ − t)²/v_c + log v_c),  v_c = log(1 + e^a_c) + epsilon
///   means     (μ − t)/(v_c size);  teacher the negative of that
///   a_c       Σ over the channel of ½ (1/v_c − (μ − t)²/v_c²)/size · σ(a_c)
/// Features: channel_maps of one shape, channels in rows, pixels in columns. Any a: log(1 + e^a) neither overflows nor
/// vanishes.
/// Source: Ahn et al. 2019 (VID), arXiv 1904.05835, as coded (no constant).
struct variational_information {
  double epsilon = 1e-5;  ///< the least variance; > 0

  static constexpr pair_info info{.name = "variational_information",
                                  .formula = "mean ½ ((μ − t)²/v_c + log v_c), v_c = log(1 + e^a_c) + ε",
                                  .source = "Ahn et al. 2019 (VID), arXiv 1904.05835",
                                  .input = "channels × pixels",
                                  .systems = "VID",
                                  .nonnegative = false,
                                  .zero_at_equality = false,
                                  .same_width = true};

  double variance(double a) const { return std::max(a, 0.0) + std::log1p(std::exp(-std::abs(a))) + epsilon; }
  /// dv/da = σ(a)
  static double variance_slope(double a) {
    const double decay = std::exp(-std::abs(a));
    return (a < 0 ? decay : 1) / (1 + decay);
  }
};

template <class T>
struct variational_features {
  feature_stack<const T> student{};  ///< the means μ
  feature_stack<const T> teacher{};
  std::span<const T> log_variance{};  ///< a, one number a channel (row of an item)
};

/// Where gradients go; empty where they are not wanted.
template <class T>
struct variational_gradients {
  feature_stack<T> student{};
  feature_stack<T> teacher{};
  std::span<T> log_variance{};
};

/// Keep one and pass it to every call: once it has served a shape, further calls allocate nothing.
template <class T>
struct variational_workspace {
  row_workspace<T> rows;
  value_table<logit_mse> squares;
  std::vector<double> numbers;
};

namespace detail {

/// The rows of all items, one after the other.
template <class T>
rows_view<T> all_rows(const feature_stack<T>& stack) {
  return {stack.data,
          {.rows = stack.items * stack.shape.rows,
           .columns = stack.shape.columns,
           .stored = stack.shape.columns,
           .column_stride = stack.column_stride,
           .middle = stack.inner,
           .inner = stack.shape.rows,
           .strides = {stack.item_strides[0], stack.item_strides[1], stack.row_stride}}};
}

template <class T>
void check_variational(const variational_information& objective, const variational_features<T>& in,
                       const variational_gradients<T>& out) {
  if (!(objective.epsilon > 0)) fail("variational_information: epsilon is ", objective.epsilon, ", must be positive");
  const feature_shape &s = in.student.shape, &t = in.teacher.shape;
  check_same_items("teacher", in.teacher, in.student.items);
  if (s.rows != t.rows || s.columns != t.columns)
    fail("student is ", s.rows, " x ", s.columns, ", teacher is ", t.rows, " x ", t.columns);
  if (std::ssize(in.log_variance) != s.rows)
    fail("log_variance has ", std::ssize(in.log_variance), " entries, student has ", s.rows, " rows");
  if (!out.log_variance.empty() && std::ssize(out.log_variance) != s.rows)
    fail("gradient to log_variance has ", std::ssize(out.log_variance), " entries, student has ", s.rows, " rows");
  check_gradient("student", in.student, out.student);
  check_gradient("teacher", in.teacher, out.teacher);
}

}  // namespace detail

/// The value, averaged over the items, and the gradient with respect to every input that `out` names. No items, rows or
/// columns: value 0, gradient 0. Results do not depend on the number of threads.
/// @throws argument_error  before anything is written: shapes that do not match, not one variance a row, epsilon ≤ 0
template <class T>
double value_and_gradient(const variational_information& objective, const variational_features<T>& in,
                          const std::type_identity_t<variational_gradients<T>>& out, const pair_options& options,
                          variational_workspace<T>& workspace) {
  detail::check_execution(options.execution);
  detail::check_variational(objective, in, out);
  const bool adds = options.store == store_mode::accumulate;
  const index channels = in.student.shape.rows, rows = in.student.items * channels;
  const auto clear = [&] {
    if (!adds) std::fill(out.log_variance.begin(), out.log_variance.end(), T(0));
  };
  if (rows == 0 || in.student.shape.columns == 0) {
    clear();
    return 0;
  }

  const logit_mse squares{};
  const batch<T> all{.student = detail::all_rows(in.student), .teacher = detail::all_rows(in.teacher)};
  values(squares, all, workspace.squares, options.execution, workspace.rows);
  clear();

  workspace.numbers.resize(static_cast<std::size_t>(rows));
  const double share = 1 / static_cast<double>(rows);
  double value = 0;
  for (index c = 0; c < channels; ++c) {
    const auto a = static_cast<double>(in.log_variance[static_cast<std::size_t>(c)]);
    const double v = objective.variance(a);
    double to_variance = 0;
    for (index r = c; r < rows; r += channels) {
      const double square = workspace.squares(r, 0);
      value += 0.5 * share * (square / v + std::log(v));
      to_variance += 0.5 * share * (1 - square / v) / v;
      workspace.numbers[static_cast<std::size_t>(r)] = options.upstream * share * 0.5 / v;
    }
    if (!out.log_variance.empty())
      out.log_variance[static_cast<std::size_t>(c)] +=
          static_cast<T>(options.upstream * to_variance * variational_information::variance_slope(a));
  }
  if (out.student || out.teacher) {
    gradients<T> to;
    if (out.student) to.student = detail::all_rows(out.student);
    if (out.teacher) to.teacher = detail::all_rows(out.teacher);
    gradient(squares, all, workspace.squares, {workspace.numbers.data(), rows, 1}, to, options.store, options.execution,
             workspace.rows);
  }
  return value;
}

template <class T>
double value(const variational_information& objective, const variational_features<T>& in, const pair_options& options,
             variational_workspace<T>& workspace) {
  return value_and_gradient(objective, in, variational_gradients<T>{}, options, workspace);
}

/// The same calls with scratch of their own, for where an allocation does not matter.
template <class T>
double value_and_gradient(const variational_information& objective, const variational_features<T>& in,
                          const std::type_identity_t<variational_gradients<T>>& out, const pair_options& options = {}) {
  variational_workspace<T> workspace;
  return value_and_gradient(objective, in, out, options, workspace);
}
template <class T>
double value(const variational_information& objective, const variational_features<T>& in,
             const pair_options& options = {}) {
  variational_workspace<T> workspace;
  return value(objective, in, options, workspace);
}

DISTILL_NAMESPACE_END
