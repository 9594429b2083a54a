// A pair objective with labels and a table of class means.
#pragma once

#include <algorithm>
#include <cmath>

#include "../config.hpp"
#include "../pair/evaluate.hpp"

DISTILL_NAMESPACE_BEGIN

/// Norm and direction: the student's feature is as long as the teacher's at least, and points to the teacher's mean of
/// its class.
///   value     factor · mean_i (1 − ⟨s_i, e_y⟩/max(‖s_i‖, ‖t_i‖)),  e_y = μ_y/‖μ_y‖
///   student   −factor/n · (e − ⟨s, e⟩ s/‖s‖²)/‖s‖ where ‖s‖ ≥ ‖t‖ (also where they are equal), −factor/n · e/‖t‖
///             elsewhere
///   teacher   0 there, factor/n · ⟨s, e⟩ t/‖t‖³ elsewhere
/// Samples in rows, features of one width; a label each and a table of class means, such as class_means makes it, are
/// constants. Both features 0: loss 1, no gradient. A class whose mean is 0 (never seen): loss 1, no gradient.
/// Published factors 0.5 to 4. Source: Wang et al. 2023 (KD++), arXiv 2305.17007, as coded.
struct norm_direction {
  double factor = 1;

  static constexpr pair_info info{.name = "norm_direction",
                                  .formula = "mean_i 1 − ⟨s, e_y⟩/max(‖s‖, ‖t‖), e_y the class mean at length 1",
                                  .source = "Wang et al. 2023 (KD++), arXiv 2305.17007",
                                  .input = "samples × features, labels, class means",
                                  .systems = "ND, KD++, DKD++, DIST++",
                                  .zero_at_equality = false,
                                  .same_width = true,
                                  .smooth = false};
};

template <class T>
struct direction_features {
  matrix_view<const T> student{};      ///< n samples × d features
  matrix_view<const T> teacher{};      ///< n × d
  index_view labels{};                 ///< n class ids
  matrix_view<const T> class_means{};  ///< classes × d
};

/// Where gradients go; empty where they are not wanted.
template <class T>
struct direction_gradients {
  matrix_view<T> student{};
  matrix_view<T> teacher{};
};

namespace detail {

/// x at length 1 into `unit`, 0 where x is; its length.
template <class T>
double direction_of(const T* x, index size, T* unit) {
  const double length = norm<T>(x, size);
  resize_to<T>(x, size, 1, length, unit);
  return length;
}

/// What one sample is worth. Slopes are in terms of directions: to_student = mean e + own ŝ, to_teacher = other t̂.
struct direction_term {
  double value = 1, mean = 0, own = 0, other = 0;
};

/// ŝ, t̂ and e are the directions of vectors of these lengths.
template <class T>
direction_term term_of(const T* s, const T* e, index size, double own, double other, double centre) {
  direction_term result;
  if (const double invalid = own + other + centre; std::isnan(invalid)) return {invalid, invalid, invalid, invalid};
  if (centre == 0 || (own == 0 && other == 0)) return result;
  // 1 − cos as half the squared distance of the two directions, which does not cancel.
  const double gap = own == 0 ? 1
                              : 0.5 * sum_of_batches<T>(
                                          size,
                                          [](const simd<T>& x, const simd<T>& y) DISTILL_LAMBDA_INLINE {
                                            const simd<T> d = x - y;
                                            return d * d;
                                          },
                                          s, e);
  if (own >= other) return {gap, -1 / own, (1 - gap) / own, 0};
  const double ratio = own / other;
  return {(other - own) / other + ratio * gap, -1 / other, 0, ratio * (1 - gap) / other};
}

template <class T>
void check_direction(const norm_direction& objective, const direction_features<T>& in,
                     const direction_gradients<T>& out) {
  if (!std::isfinite(objective.factor)) fail("norm_direction: factor is ", objective.factor, ", must be finite");
  const index rows = in.student.rows, columns = in.student.columns;
  const auto check = [&](const char* name, index other_rows, index other_columns) {
    if (other_rows != rows) fail(name, " has ", other_rows, " rows, student has ", rows);
    if (other_columns != columns) fail(name, " has ", other_columns, " columns, student has ", columns);
  };
  check("teacher", in.teacher.rows, in.teacher.columns);
  if (out.student) check("gradient to student", out.student.rows, out.student.columns);
  if (out.teacher) check("gradient to teacher", out.teacher.rows, out.teacher.columns);
  if (in.class_means.columns != columns)
    fail("class_means has ", in.class_means.columns, " columns, student has ", columns);
  if (in.labels.size() != rows) fail("labels has ", in.labels.size(), " entries, student has ", rows, " rows");
  for (index r = 0; r < rows; ++r)
    if (in.labels[r] < 0 || in.labels[r] >= in.class_means.rows)
      fail("labels[", r, "] is ", in.labels[r], ", must lie in [0, ", in.class_means.rows, ")");
}

}  // namespace detail

/// The value, averaged over the samples, and the gradient with respect to every input that `out` names. No samples:
/// value 0. Results do not depend on the number of threads.
/// @throws argument_error  before anything is written: shapes that do not match, a label that is no row of the table
template <class T>
double value_and_gradient(const norm_direction& objective, const direction_features<T>& in,
                          const std::type_identity_t<direction_gradients<T>>& out, const pair_options& options,
                          pair_workspace<T>& workspace) {
  detail::check_execution(options.execution);
  detail::check_direction(objective, in, out);
  const index rows = in.student.rows, columns = in.student.columns;
  if (rows == 0) return 0;
  const bool add = options.store == store_mode::accumulate;
  const double share = objective.factor / static_cast<double>(rows), factor = options.upstream * share;
  const index pieces = rows * columns < (index{1} << 15) ? 1 : std::min(rows, detail::row_pieces);
  const int threads = static_cast<int>(std::min<index>(options.execution.count(), pieces));
  workspace.reserve_threads(threads);
  double* values = workspace.values(rows);
  parallel_for(pieces, threads, [&](index piece, int thread) {
    const index stride = detail::scratch_columns<T>(columns);
    T* const lines = workspace.scratch(thread).features[0].reserve(5 * stride);
    T *const s = lines, *const t = lines + stride, *const e = lines + 2 * stride, *const slope = lines + 4 * stride;
    const auto direction = [&](const matrix_view<const T>& m, index r, T* to) {
      const T* x = m.row(r);
      if (m.column_stride != 1) {
        for (index c = 0; c < columns; ++c) lines[3 * stride + c] = m(r, c);
        x = lines + 3 * stride;
      }
      return detail::direction_of<T>(x, columns, to);
    };
    for (index r = rows * piece / pieces; r < rows * (piece + 1) / pieces; ++r) {
      const double own = direction(in.student, r, s), other = direction(in.teacher, r, t);
      const double centre = direction(in.class_means, in.labels[r], e);
      const auto term = detail::term_of<T>(s, e, columns, own, other, centre);
      values[r] = term.value;
      const auto store = [&](double of_mean, double of_own, const T* unit, const matrix_view<T>& to) {
        if (!to) return;
        detail::sweep<T>(
            columns,
            [a = simd<T>(static_cast<T>(factor * of_mean)), b = simd<T>(static_cast<T>(factor * of_own))](
                const simd<T>& x, const simd<T>& y, simd<T>& g) DISTILL_LAMBDA_INLINE { g = a * x + b * y; },
            static_cast<const T*>(e), unit, slope);
        detail::store_scaled<T>({slope, 1, columns}, 1, add, {to.row(r), 1, columns, to.row_stride, to.column_stride});
      };
      store(term.mean, term.own, s, out.student);
      store(0, term.other, t, out.teacher);
    }
  });
  double value = 0;
  for (index r = 0; r < rows; ++r) value += values[r];  // one order, whatever the threads did
  return value * share;
}

template <class T>
double value(const norm_direction& objective, const direction_features<T>& in, const pair_options& options,
             pair_workspace<T>& workspace) {
  return value_and_gradient(objective, in, direction_gradients<T>{}, options, workspace);
}

/// The same calls with scratch of their own, for where an allocation does not matter.
template <class T>
double value_and_gradient(const norm_direction& objective, const direction_features<T>& in,
                          const std::type_identity_t<direction_gradients<T>>& out, const pair_options& options = {}) {
  pair_workspace<T> workspace;
  return value_and_gradient(objective, in, out, options, workspace);
}
template <class T>
double value(const norm_direction& objective, const direction_features<T>& in, const pair_options& options = {}) {
  pair_workspace<T> workspace;
  return value(objective, in, options, workspace);
}

DISTILL_NAMESPACE_END
