// The gradient of Σ P C where P solves the problem: the equations of the fixed point, solved backwards.
//
// P1 = a and Pᵀ1 = b define the potentials; with the sums x = (P∘C)1/ε, y = (P∘C)ᵀ1/ε the slopes are
//   D_r α + P β = x,   Pᵀ α + D_c β = y   (D_r, D_c the sums of rows and columns),
//   C̄ = P (1 − C/ε + α_i + β_j),   ā = ε α,   b̄ = ε β,
// singular along (1, −1): a and b keep equal masses, so a constant may move between ā and b̄. Since C = f + g − ε ℓ with
// ℓ = log(P/(a b)), (f, g)/ε solves the part f + g: what is solved here is the rest, x = −(P∘ℓ)1, y = −(P∘ℓ)ᵀ1, and
//   C̄ = P (1 + ℓ + α_i + β_j),   ā = f + ε α,   b̄ = g + ε β
// has no terms of size C/ε that would cancel. β solves the Schur complement, D_c − Pᵀ D_r⁻¹ P, positive semidefinite,
// by conjugate gradients in the unknown √D_c β. Every step is one pass over P, which is kept for that.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>

#include "plan.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class T>
class implicit_gradient {
 public:
  static index numbers(index n, index m) { return 4 * n + 8 * m; }

  implicit_gradient(const sinkhorn_iteration<T>& state, double* numbers)
      : state_(state), n_(state.rows()), m_(state.columns()) {
    for (double** each : {&x_, &mass_, &alpha_, &to_source_}) *each = numbers, numbers += n_;
    for (double** each : {&y_, &beta_, &residual_, &direction_, &image_, &root_, &unknown_, &to_target_})
      *each = numbers, numbers += m_;
  }

  /// Finds α and β; returns Σ P C. Limits where there is no mass are taken on the sides that are wanted.
  double solve(bool source_wanted, bool target_wanted) {
    const index stride = state_.stride();
    plan_ = state_.workspace().kernel.reserve(n_ * stride);
    targets_ = state_.spare_lines() + stride;  // the first line is the plan's
    std::fill_n(targets_, stride, T(0));
    for (index j = 0; j < m_; ++j) targets_[j] = static_cast<T>(state_.g()[j]);
    for_plan_rows(state_, y_, [&](index i, T* row, double mass) {
      std::copy_n(row, stride, plan_row(i));
      mass_[i] = mass;
      alpha_[i] = dot<T>(row, state_.cost(i), m_);
      with_logarithms(
          i, [](const simd<T>& l, simd<T>& p) DISTILL_LAMBDA_INLINE { p *= l; }, row);
      x_[i] = -sum<T>(row, m_);
    });
    const double value = std::accumulate(alpha_, alpha_ + n_, 0.0);
    for (index j = 0; j < m_; ++j) y_[j] = -y_[j], root_[j] = std::sqrt(state_.b()[j]);
    conjugate_gradients();
    for (index j = 0; j < m_; ++j) beta_[j] = root_[j] > 0 ? unknown_[j] / root_[j] : 0;
    const T* const beta = rounded(beta_);
    for (index i = 0; i < n_; ++i)
      alpha_[i] = mass_[i] > 0 ? (x_[i] - dot<T>(plan_row(i), beta, m_)) / mass_[i] : source_wanted ? row_limit(i) : 0;
    // Once more, column by column: what was minimised did not feel columns of little mass.
    down_columns([&](index i) { return alpha_[i]; }, image_);
    constexpr double least = sizeof(T) == 4 ? 1e-30 : 1e-290;  // where P has digits
    for (index j = 0; j < m_; ++j)
      beta_[j] = state_.b()[j] > least                ? (y_[j] - image_[j]) / state_.b()[j]
                 : state_.b()[j] > 0 || target_wanted ? column_limit(j)
                                                      : 0;
    for (index i = 0; i < n_; ++i) to_source_[i] = state_.f()[i] + state_.epsilon() * alpha_[i];
    for (index j = 0; j < m_; ++j) to_target_[j] = state_.g()[j] + state_.epsilon() * beta_[j];
    return value * state_.mass();
  }

  /// What the solution leaves of the right-hand side, relative to it.
  double residual() const { return error_; }
  /// Σ_i |(P1)_i − a_i| of masses of sum 1
  double marginal_error() const { return state_.marginal_gap(mass_); }
  const double* to_source() const { return to_source_; }
  const double* to_target() const { return to_target_; }

  void write_cost_slope(const matrix_view<T>& to) const {
    const T* const beta = rounded(beta_);
    parallel_for(n_, state_.how().count(), [&](index i, int) {
      T* const p = plan_row(i);
      with_logarithms(
          i,
          [a = simd<T>(static_cast<T>(1 + alpha_[i]))](const simd<T>& l, simd<T>& slope, const simd<T>& b)
              DISTILL_LAMBDA_INLINE { slope *= (a + l) + b; },
          p, beta);
      for (index j = 0; j < m_; ++j) to(i, j) = p[j] * static_cast<T>(state_.mass());
    });
  }

 private:
  static constexpr double wanted = sizeof(T) == 4 ? 1e-6 : 1e-14;
  static constexpr index most_steps = 1000;

  /// f(ℓ batch, batches...) over row i.
  template <class F, class... Row>
  void with_logarithms(index i, const F& f, Row*... rows) const {
    const simd<T> own(static_cast<T>(state_.f()[i])), per(static_cast<T>(1 / state_.epsilon()));
    sweep<T>(
        m_,
        [&](const simd<T>& g, const simd<T>& c, auto&... x) DISTILL_LAMBDA_INLINE { f(((g - c) + own) * per, x...); },
        static_cast<const T*>(targets_), state_.cost(i), rows...);
  }
  T* plan_row(index i) const { return plan_ + i * state_.stride(); }
  const T* rounded(const double* v) const {
    T* const to = state_.spare_lines();
    for (index j = 0; j < m_; ++j) to[j] = static_cast<T>(v[j]);
    return to;
  }

  /// to_j = Σ_i weight(i) P_ij
  template <class Weight>
  void down_columns(const Weight& weight, double* to) {
    for_row_groups<T>(n_, m_, state_.workspace(), state_.how(), to, [&](index first, index count, T*, T* columns) {
      T factor[transport_rows];
      for (index r = 0; r < count; ++r) factor[r] = static_cast<T>(mass_[first + r] > 0 ? weight(first + r) : 0.0);
      add_weighted_rows(plan_row(first), count, state_.stride(), factor, columns);
    });
  }

  /// image = D_c^(−½) (D_c − Pᵀ D_r⁻¹ P) D_c^(−½) v
  void multiply(const double* v) {
    for (index j = 0; j < m_; ++j) beta_[j] = root_[j] > 0 ? v[j] / root_[j] : 0;
    const T* const scaled = rounded(beta_);
    down_columns([&](index i) { return dot<T>(plan_row(i), scaled, m_) / mass_[i]; }, image_);
    for (index j = 0; j < m_; ++j) image_[j] = root_[j] > 0 ? v[j] - image_[j] / root_[j] : 0;
  }
  /// Less its part along the constant β.
  void project(double* v) const {
    double along = 0, whole = 0;
    for (index j = 0; j < m_; ++j) along += v[j] * root_[j], whole += root_[j] * root_[j];
    for (index j = 0; j < m_; ++j) v[j] -= along / whole * root_[j];
  }
  double inner(const double* a, const double* b) const { return std::inner_product(a, a + m_, b, 0.0); }

  void conjugate_gradients() {
    down_columns([&](index i) { return x_[i] / mass_[i]; }, image_);
    for (index j = 0; j < m_; ++j) residual_[j] = root_[j] > 0 ? (y_[j] - image_[j]) / root_[j] : 0;
    // Costs that all rows share leave nothing but rounding: measured against what was subtracted.
    double size = 0;
    for (index j = 0; j < m_; ++j) size += root_[j] > 0 ? y_[j] * y_[j] / (root_[j] * root_[j]) : 0;
    project(residual_);
    std::fill_n(unknown_, m_, 0.0);
    std::copy_n(residual_, m_, direction_);
    const double first = std::max(inner(residual_, residual_), 1e-32 * size);
    double square = inner(residual_, residual_);
    for (index step = 0; step < most_steps && square > wanted * wanted * first; ++step) {
      multiply(direction_);
      const double curvature = inner(direction_, image_);
      if (!(curvature > 0)) break;  // rounding is all that is left
      const double length = square / curvature;
      for (index j = 0; j < m_; ++j) unknown_[j] += length * direction_[j], residual_[j] -= length * image_[j];
      project(residual_);
      const double next = inner(residual_, residual_);
      for (index j = 0; j < m_; ++j) direction_[j] = residual_[j] + next / square * direction_[j];
      square = next;
    }
    error_ = first > 0 ? std::sqrt(square / first) : 0;
  }

  /// The limits of α and β where the mass goes to 0: −Σ_j p_ij (ℓ_ij + β_j), p = P/a_i; and likewise.
  double row_limit(index i) const {
    double total = 0;
    for (index j = 0; j < m_; ++j)
      if (root_[j] > 0) total -= state_.b()[j] * std::exp(logarithm(i, j)) * (logarithm(i, j) + beta_[j]);
    return total;
  }
  double column_limit(index j) const {
    double total = 0;
    for (index i = 0; i < n_; ++i)
      if (mass_[i] > 0) total -= state_.a()[i] * std::exp(logarithm(i, j)) * (logarithm(i, j) + alpha_[i]);
    return total;
  }
  double logarithm(index i, index j) const {
    return (state_.f()[i] + state_.g()[j] - static_cast<double>(state_.cost(i)[j])) / state_.epsilon();
  }

  const sinkhorn_iteration<T>& state_;
  index n_, m_;
  T *plan_ = nullptr, *targets_ = nullptr;
  double *x_, *mass_, *alpha_, *to_source_, *to_target_, *y_, *beta_, *residual_, *direction_, *image_, *root_,
      *unknown_;
  double error_ = 0;
};

}  // namespace detail
DISTILL_NAMESPACE_END
