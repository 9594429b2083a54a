// Contrast with memory banks: many negatives, no softmax.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

#include "../contrast/check.hpp"
#include "../contrast/unit_side.hpp"
#include "../core/math.hpp"
#include "../core/sums.hpp"
#include "../core/sweep.hpp"
#include "../state/memory_bank.hpp"

DISTILL_NAMESPACE_BEGIN

/// Noise-contrastive estimation against banks of what each network said of every sample.
///   u_k = ⟨M[i_k], v̂⟩/τ − log Z,  i_0 the sample itself, i_1 … i_K its negatives;  c = K/N + 1e-7
///   value     mean_B [softplus(log c − u_0) + Σ_k (softplus(u_k − log c) − log((K/N)/c))]
///             of the student against the teacher's bank, plus of the teacher against the student's
///   student   Σ_k ∂u_k M[i_k]/τ,  ∂u_0 = −σ(log c − u_0)/B, ∂u_k = σ(u_k − log c)/B, then back through the length
///   teacher   likewise: both embeddings are trained
/// Rows are embeddings (linear layers of both networks' features) of any length; banks are constants. A bank's Z is
/// N · mean(e^{u + log Z}) of the first batch that is compared with it, and frozen: it is saved with the bank. After
/// the loss move the banks: students.update(samples, student), teachers.update(samples, teacher).
///
/// Source: Tian et al. 2020 (CRD), arXiv 1910.10699, as coded (RepDistiller crd/criterion.py, memory.py).
struct crd {
  double temperature = 0.07;

  static constexpr pair_info info{.name = "crd",
                                  .formula = "mean softplus(log c − u_0) + Σ_k (softplus(u_k − log c) − log((K/N)/c))",
                                  .source = "Tian et al. 2020 (CRD), arXiv 1910.10699; RepDistiller",
                                  .input = "samples × embedding, with sample numbers and negatives",
                                  .systems = "CRD",
                                  .zero_at_equality = false,
                                  .same_width = true};
};

template <class T>
struct crd_batch {
  matrix_view<const T> student{}, teacher{};  ///< B × width
  index_view samples{};                       ///< which samples of the training set they are
  any_matrix<index> negatives{};              ///< B × K of its other samples
};
template <class T>
struct crd_gradients {
  matrix_view<T> student{}, teacher{};
};

namespace detail {

template <class T>
void check_crd(const crd& objective, const crd_batch<T>& in, const memory_bank<T>& students,
               const memory_bank<T>& teachers, const crd_gradients<T>& out, const contrast_options& options) {
  check_contrast_options("crd", options);
  check_temperature<T>("crd", objective.temperature, 0);
  check_count("teacher", in.teacher, "student", in.student);
  if (students.samples() != teachers.samples() || students.width() != teachers.width())
    fail("the bank of teachers is ", teachers.samples(), " x ", teachers.width(), ", that of students ",
         students.samples(), " x ", students.width());
  for (const auto& [name, rows] : {std::pair{"student", in.student}, std::pair{"teacher", in.teacher}})
    if (rows.rows > 0 && rows.columns != students.width())
      fail(name, " has ", rows.columns, " columns, the banks have ", students.width());
  if (in.samples.size() != in.student.rows)
    fail("samples has ", in.samples.size(), " entries, student has ", in.student.rows, " rows");
  students.check(in.samples);
  if (in.negatives.rows() != in.student.rows)
    fail("negatives has ", in.negatives.rows(), " rows, student has ", in.student.rows);
  for (index r = 0; r < in.negatives.rows(); ++r)
    for (index k = 0; k < in.negatives.columns(); ++k)
      if (const index i = in.negatives(r, k); i < 0 || i >= students.samples())
        fail("negatives[", r, ", ", k, "] is ", i, ", must lie in [0, ", students.samples(), ")");
  check_gradient_of("student", out.student, in.student);
  check_gradient_of("teacher", out.teacher, in.teacher);
}

/// One network against the other's bank.
template <class T>
class crd_side {
  static constexpr index line = static_cast<index>(cache_line / sizeof(T));
  static constexpr index run = 32;  // rows of the bank at a time: read once for the scores and for the slopes

 public:
  crd_side(const crd& objective, const crd_batch<T>& in, const matrix_view<const T>& embeddings,
           const contrast_options& options, contrast_scratch<T>& scratch)
      : in_(in),
        options_(options),
        scratch_(scratch),
        side_(embeddings, scratch.side[0], options.execution),
        per_temperature_(1 / objective.temperature) {}

  /// Of the first batch: log N + log mean e^{⟨M, v̂⟩/τ}.
  double log_normaliser(const memory_bank<T>& bank) const {
    double* const numbers = scratch_.numbers.reserve(2 * rows());
    each_row([&](index r) {
      double top = -std::numeric_limits<double>::infinity(), sum = 0;
      for (index k = 0; k <= negatives(); ++k) {
        const double u = score(bank, r, k);
        if (u > top) {
          sum *= std::exp(top - u);
          top = u;
        }
        sum += std::exp(u - top);
      }
      numbers[2 * r] = top, numbers[2 * r + 1] = sum;
    });
    double top = -std::numeric_limits<double>::infinity(), sum = 0;
    for (index r = 0; r < rows(); ++r) top = std::max(top, numbers[2 * r]);
    for (index r = 0; r < rows(); ++r) sum += numbers[2 * r + 1] * std::exp(numbers[2 * r] - top);
    const double count = static_cast<double>(rows()) * static_cast<double>(negatives() + 1);
    return top + std::log(sum / count * static_cast<double>(bank.samples()));
  }

  double compare(const memory_bank<T>& bank, const matrix_view<T>& out) {
    const double share = static_cast<double>(negatives()) / static_cast<double>(bank.samples());
    const double log_c = std::log(share + 1e-7), constant = std::log1p(-1e-7 / (share + 1e-7));
    const double shift = bank.log_normaliser() + log_c, factor = options_.upstream / static_cast<double>(rows());
    const matrix_view<T> slopes = out ? side_.slopes() : matrix_view<T>();
    double* const numbers = scratch_.numbers.reserve(rows());
    each_row([&](index r) {
      numbers[r] = one_row(bank, r, shift, factor, out ? slopes.row(r) : nullptr) -
                   (negatives() > 0 ? static_cast<double>(negatives()) * constant : 0);
    });
    double value = 0;
    for (index r = 0; r < rows(); ++r) value += numbers[r];
    if (out) side_.back(0, out, options_.store == store_mode::accumulate);
    return value / static_cast<double>(rows());
  }

 private:
  index rows() const { return side_.rows().rows; }
  index width() const { return side_.rows().columns; }
  index negatives() const { return in_.negatives.columns(); }
  template <class F>
  void each_row(const F& f) const {
    for_row_pieces(rows(), rows() * (negatives() + 1) * width(), options_.execution, [&](index first, index last) {
      for (index r = first; r < last; ++r) f(r);
    });
  }
  const T* partner(const memory_bank<T>& bank, index r, index k) const {
    return bank.rows().row(k == 0 ? in_.samples[r] : in_.negatives(r, k - 1));
  }
  double score(const memory_bank<T>& bank, index r, index k) const {
    return dot<T>(partner(bank, r, k), side_.rows().row(r), width()) * per_temperature_;
  }

  double one_row(const memory_bank<T>& bank, index r, double shift, double factor, T* slope) const {
    const double own = score(bank, r, 0) - shift, per = factor * per_temperature_;
    const double decay = std::exp(-std::abs(own));
    double value = std::max(-own, 0.0) + std::log1p(decay);
    if (slope) {
      const T weight = static_cast<T>(-per * (own > 0 ? decay : 1) / (1 + decay));
      const T* const row = partner(bank, r, 0);
      for (index c = 0; c < width(); ++c) slope[c] = weight * row[c];
    }
    std::array<const T*, run> row, next;
    const auto look_up = [&](index first, index count) {
      for (index k = 0; k < count; ++k) next[static_cast<std::size_t>(k)] = partner(bank, r, first + k);
    };
    const auto left = [&](index first) { return std::clamp<index>(negatives() + 1 - first, 0, run); };
    look_up(1, left(1));
    for (index first = 1; first <= negatives(); first += run) {
      const index count = left(first), following = left(first + run);
      alignas(cache_line) std::array<T, run> u, cost;
      row = next;
      look_up(first + run, following);
      for (index k = 0; k < count; ++k) {
        // The bank is larger than the caches and its rows come in no order: they are asked for a run ahead.
        for (index c = 0; k < following && c < width(); c += line) prefetch(next[static_cast<std::size_t>(k)] + c);
        u[static_cast<std::size_t>(k)] = static_cast<T>(
            dot<T>(row[static_cast<std::size_t>(k)], side_.rows().row(r), width()) * per_temperature_ - shift);
      }
      sweep<T>(
          count,
          [f = simd<T>(static_cast<T>(per)), zero = simd<T>(T(0)), one = simd<T>(T(1))](simd<T>& x, simd<T>& c)
              DISTILL_LAMBDA_INLINE {
                const simd<T> e = exp_nonpositive(zero - lane<simd<T>>::abs(x)), whole = one + e;
                c = lane<simd<T>>::select(zero < x, x, zero) + natural_log1p(e);
                x = f * lane<simd<T>>::select(zero < x, one, e) / whole;
              },
          u.data(), cost.data());
      value += sum<T>(cost.data(), count);
      for (index k = 0; slope && k < count; ++k)
        sweep<T>(
            width(),
            [w = simd<T>(u[static_cast<std::size_t>(k)])](const simd<T>& m, simd<T>& to)
                DISTILL_LAMBDA_INLINE { to = lane<simd<T>>::fma(w, m, to); },
            row[static_cast<std::size_t>(k)], slope);
    }
    return value;
  }

  const crd_batch<T>& in_;
  const contrast_options& options_;
  contrast_scratch<T>& scratch_;
  unit_side<T> side_;
  double per_temperature_;
};

}  // namespace detail

/// Freezes the normaliser of a bank that has none. No rows: value 0, and no normaliser is set. Results do not depend on
/// the number of threads.
/// @throws argument_error  before anything is written: samples or negatives out of range, shapes that do not match, τ
///   not positive
template <class T>
double value_and_gradient(const crd& objective, const crd_batch<T>& in, memory_bank<T>& students,
                          memory_bank<T>& teachers, const std::type_identity_t<crd_gradients<T>>& out,
                          const contrast_options& options, contrast_workspace<T>& workspace) {
  detail::check_crd(objective, in, students, teachers, out, options);
  if (in.student.rows == 0) return 0;
  const auto side = [&](const matrix_view<const T>& embeddings, memory_bank<T>& bank, const matrix_view<T>& to) {
    detail::crd_side<T> own(objective, in, embeddings, options, workspace.scratch());
    if (!bank.normalised()) bank.set_log_normaliser(own.log_normaliser(bank));
    return own.compare(bank, to);
  };
  const double value = side(in.student, teachers, out.student);
  return value + side(in.teacher, students, out.teacher);
}
template <class T>
double value_and_gradient(const crd& objective, const crd_batch<T>& in, memory_bank<T>& students,
                          memory_bank<T>& teachers, const std::type_identity_t<crd_gradients<T>>& out,
                          const contrast_options& options = {}) {
  contrast_workspace<T> workspace;
  return value_and_gradient(objective, in, students, teachers, out, options, workspace);
}

DISTILL_NAMESPACE_END
