// Self-distillation between crops, with a centred and sharpened teacher.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <type_traits>

#include "../contrast/check.hpp"
#include "../contrast/soft_target.hpp"
#include "../contrast/workspace.hpp"
#include "../core/math.hpp"
#include "../core/sums.hpp"
#include "../core/sweep.hpp"
#include "../pair/evaluate.hpp"
#include "../row/evaluate.hpp"

DISTILL_NAMESPACE_BEGIN

/// Every crop's student should say what the teacher says of each other global crop.
///   q_i = softmax((t_i − c)/τ_t), i the two global crops;  p_v = softmax(s_v/τ_s), v all crops, the global ones first
///   value    mean over the pairs i ≠ v of mean_B(−Σ q_i log p_v): 2 · crops − 2 pairs
///   student  Σ_{i≠v} (p_v − q_i)/(pairs · B · τ_s)
/// The teacher and the centre are constants; move the centre after the loss. For the crops that meet both teachers, the
/// mean of q_0 and q_1 is the target: one softmax a crop. One crop: no pair, value 0, gradient 0.
/// Source: Caron et al. 2021 (DINO), arXiv 2104.14294, eq. 3, as coded (main_dino.py, DINOLoss).
struct dino {
  double student_temperature = 0.1;
  double teacher_temperature = 0.04;  ///< above 0.07 training is unstable

  static constexpr pair_info info{.name = "dino",
                                  .formula = "mean over pairs i ≠ v of −Σ softmax((t_i − c)/τ_t) log softmax(s_v/τ_s)",
                                  .source = "Caron et al. 2021 (DINO), arXiv 2104.14294, eq. 3",
                                  .input = "crops · samples × outputs, crop after crop",
                                  .systems = "DINO, point-cloud distillation with contrast",
                                  .zero_at_equality = false,
                                  .same_width = true};
};

template <class T>
struct dino_batch {
  matrix_view<const T> student{};  ///< crops · B rows, all of the first crop first
  matrix_view<const T> teacher{};  ///< 2 · B rows: the global crops
  matrix_view<const T> centre{};   ///< one row: `centre.values()`; empty for none
};
template <class T>
struct dino_gradients {
  matrix_view<T> student{};
};

namespace detail {

template <class T>
void check_dino(const dino& objective, const dino_batch<T>& in, const dino_gradients<T>& out,
                const contrast_options& options) {
  check_contrast_options("dino", options);
  check_temperature<T>("dino: student", objective.student_temperature, 0);
  check_temperature<T>("dino: teacher", objective.teacher_temperature, 0);
  check_width("teacher", in.teacher, "student", in.student);
  check_gradient_of("student", out.student, in.student);
  if (in.teacher.rows % 2 != 0) fail("dino: teacher has ", in.teacher.rows, " rows, must be two crops");
  const index samples = in.teacher.rows / 2;
  if (samples == 0 ? in.student.rows != 0 : in.student.rows % samples != 0)
    fail("dino: student has ", in.student.rows, " rows, must be a multiple of the teacher's ", samples, " samples");
  if (in.centre && (in.centre.rows != 1 || in.centre.columns != in.teacher.columns))
    fail("dino: centre is ", in.centre.rows, " x ", in.centre.columns, ", must be 1 x ", in.teacher.columns);
}

/// The teacher's rows of one crop less the centre.
template <class T>
class centred_rows final : public row_source<T> {
 public:
  centred_rows(const matrix_view<const T>& teacher, index first, index rows, const matrix_view<const T>& centre)
      : teacher_(teacher), centre_(centre), first_(first), rows_(rows) {}
  index rows() const override { return rows_; }
  index columns() const override { return teacher_.columns; }
  index height() const override { return std::clamp<index>(8192 / std::max<index>(columns(), 1), 1, 16); }
  void produce(index first, index count, T* tile, index stride) const override {
    for (index r = 0; r < count; ++r) row(first + r, tile + r * stride);
  }
  void row(index r, T* to) const {
    for (index c = 0; c < columns(); ++c)
      to[c] = teacher_(first_ + r, c) - (centre_ ? centre_.data[c * centre_.column_stride] : T(0));
  }

 private:
  matrix_view<const T> teacher_, centre_;
  index first_, rows_;
};

/// x ← log softmax(x/τ); `spare` is scratch of the same size.
template <class T>
void log_softmax(T* x, T* spare, index size, double temperature) {
  sweep<T>(
      size,
      [scale = simd<T>(static_cast<T>(1 / temperature)), top = simd<T>(*std::max_element(x, x + size))](
          simd<T>& z, simd<T>& e) DISTILL_LAMBDA_INLINE {
        z = (z - top) * scale;
        e = exp_nonpositive(z);
      },
      x, spare);
  const double log_total = std::log(sum<T>(spare, size));
  sweep<T>(
      size, [l = simd<T>(static_cast<T>(log_total))](simd<T>& z) DISTILL_LAMBDA_INLINE { z -= l; }, x);
}

/// The logarithm of the mean of two distributions, a ← log((eᵃ + eᵇ)/2), without underflow.
template <class T>
void log_mean(T* a, const T* b, index size) {
  sweep<T>(
      size,
      [half = simd<T>(static_cast<T>(std::numbers::ln2)), none = simd<T>(-std::numeric_limits<T>::infinity())](
          simd<T>& x, const simd<T>& y) DISTILL_LAMBDA_INLINE {
        const simd<T> high = lane<simd<T>>::select(x < y, y, x), low = lane<simd<T>>::select(x < y, x, y);
        const simd<T> sum = high + (natural_log1p(exp_nonpositive(low - high)) - half);
        x = lane<simd<T>>::select(high == none, none, sum);
      },
      a, b);
}

/// log((q_0 + q_1)/2) for every sample.
template <class T>
matrix_view<const T> mean_targets(const dino& objective, const dino_batch<T>& in, const execution& how,
                                  contrast_scratch<T>& scratch) {
  const index samples = in.teacher.rows / 2, columns = in.teacher.columns, stride = scratch_columns<T>(columns);
  const matrix_view<T> to(scratch.similarities.reserve(samples * stride), samples, columns, stride);
  const centred_rows<T> first(in.teacher, 0, samples, in.centre), second(in.teacher, samples, samples, in.centre);
  const index pieces = std::min(samples, row_pieces);
  T* const spare = scratch.second.reserve(pieces * 2 * stride);
  parallel_for(pieces, samples * columns < (index{1} << 15) ? 1 : how.count(), [&](index piece, int) {
    T *const other = spare + 2 * piece * stride, *const exponentials = other + stride;
    for (index r = samples * piece / pieces; r < samples * (piece + 1) / pieces; ++r) {
      first.row(r, to.row(r));
      second.row(r, other);
      log_softmax(to.row(r), exponentials, columns, objective.teacher_temperature);
      log_softmax(other, exponentials, columns, objective.teacher_temperature);
      log_mean(to.row(r), static_cast<const T*>(other), columns);
    }
  });
  return to;
}

}  // namespace detail

/// No samples: value 0. Results do not depend on the number of threads.
/// @throws argument_error  before anything is written: rows that are not whole crops, widths that do not match, a
///   temperature that is not positive
template <class T>
double value_and_gradient(const dino& objective, const dino_batch<T>& in,
                          const std::type_identity_t<dino_gradients<T>>& out, const contrast_options& options,
                          contrast_workspace<T>& workspace) {
  detail::check_dino(objective, in, out, options);
  const index samples = in.teacher.rows / 2, crops = samples == 0 ? 0 : in.student.rows / samples;
  if (crops < 2 || in.student.columns == 0) {
    if (out.student && options.store == store_mode::overwrite) detail::cleared(out.student);
    return 0;
  }
  detail::contrast_scratch<T>& scratch = workspace.scratch();
  matrix_view<const T> both;
  if (crops > 2) both = detail::mean_targets(objective, in, options.execution, scratch);
  const double pairs = static_cast<double>(2 * crops - 2);
  double value = 0;
  for (index v = 0; v < crops; ++v) {
    const auto crop = [&](auto rows) {
      rows.data = rows.row(v * samples);
      rows.rows = samples;
      return rows;
    };
    const detail::centred_rows<T> other(in.teacher, v == 0 ? samples : 0, samples, in.centre);
    const double weight = v < 2 ? 1 : 2;
    const detail::soft_target leaf{.temperature = objective.student_temperature,
                                   .target_temperature = v < 2 ? objective.teacher_temperature : 1};
    batch<T> rows{.student = crop(in.student)};
    if (v < 2)
      rows.teacher = other;
    else
      rows.teacher = both;
    const row_options how{.reduction = reduction::count(pairs * static_cast<double>(samples) / weight),
                          .upstream = options.upstream,
                          .store = options.store,
                          .execution = options.execution};
    value += out.student ? value_and_gradient(leaf, rows, {.student = crop(out.student)}, how, scratch.rows).value
                         : distill::value(leaf, rows, how, scratch.rows).value;
  }
  return value;
}
template <class T>
double value_and_gradient(const dino& objective, const dino_batch<T>& in,
                          const std::type_identity_t<dino_gradients<T>>& out, const contrast_options& options = {}) {
  contrast_workspace<T> workspace;
  return value_and_gradient(objective, in, out, options, workspace);
}
template <class T>
double value(const dino& objective, const dino_batch<T>& in, const contrast_options& options = {}) {
  return value_and_gradient(objective, in, dino_gradients<T>{}, options);
}

DISTILL_NAMESPACE_END
