// The gradient of Σ P C where P solves the problem: the equations of the fixed point, solved backwards.
//
// P1 = a and Pᵀ1 = b define the potentials; with the sums x = (P∘C)1/ε, y = (P∘C)ᵀ1/ε the slopes are
//   D_r α + P β = x,   Pᵀ α + D_c β = y   (D_r, D_c the sums of rows and columns),
//   C̄ = P (1 − C/ε + α_i + β_j),   ā = ε α,   b̄ = ε β,
// singular along (1, −1): a and b keep equal masses, so a constant may move between ā and b̄; here Σ b β = 0. β solves
// the Schur complement, D_c − Pᵀ D_r⁻¹ P, positive semidefinite, by conjugate gradients in the unknown √D_c β. Every
// step is one pass over P, which is kept for that.
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
  static index numbers(index n, index m) { return 3 * n + 7 * m; }

  implicit_gradient(const sinkhorn_iteration<T>& state, double* numbers)
      : state_(state), n_(state.rows()), m_(state.columns()) {
    for (double** each : {&x_, &mass_, &alpha_}) *each = numbers, numbers += n_;
    for (double** each : {&y_, &beta_, &residual_, &direction_, &image_, &root_, &unknown_})
      *each = numbers, numbers += m_;
  }

  /// Finds α and β; returns Σ P C.
  double solve() {
    const double epsilon = state_.epsilon();
    plan_ = state_.workspace().kernel.reserve(n_ * state_.stride());
    for_plan_rows(state_, y_, [&](index i, T* row, double mass) {
      std::copy_n(row, state_.stride(), plan_row(i));
      mass_[i] = mass;
      sweep<T>(
          m_, [](simd<T>& p, const simd<T>& c) DISTILL_LAMBDA_INLINE { p *= c; }, row, state_.cost(i));
      x_[i] = sum<T>(row, m_) / epsilon;
    });
    for (index j = 0; j < m_; ++j) y_[j] /= epsilon, root_[j] = std::sqrt(state_.b()[j]);
    conjugate_gradients();
    for (index j = 0; j < m_; ++j) beta_[j] = root_[j] > 0 ? unknown_[j] / root_[j] : 0;
    const T* const beta = rounded(beta_);
    for (index i = 0; i < n_; ++i)
      alpha_[i] = mass_[i] > 0 ? (x_[i] - dot<T>(plan_row(i), beta, m_)) / mass_[i] : row_limit(i);
    for (index j = 0; j < m_; ++j)
      if (root_[j] == 0) beta_[j] = column_limit(j);
    return epsilon * std::accumulate(x_, x_ + n_, 0.0);
  }

  /// What the solution leaves of the right-hand side, relative to it.
  double residual() const { return error_; }
  /// Σ_i |(P1)_i − a_i|/Σ a
  double marginal_error() const {
    double error = 0;
    for (index i = 0; i < n_; ++i) error += std::abs(mass_[i] - state_.a()[i]);
    return error / state_.mass();
  }
  const double* alpha() const { return alpha_; }
  const double* beta() const { return beta_; }

  void write_cost_slope(const matrix_view<T>& to) const {
    const T per = static_cast<T>(1 / state_.epsilon());
    parallel_for(n_, state_.how().count(), [&](index i, int) {
      const T *p = plan_row(i), *cost = state_.cost(i);
      const T a = static_cast<T>(1 + alpha_[i]);
      for (index j = 0; j < m_; ++j) to(i, j) = p[j] * ((a - cost[j] * per) + static_cast<T>(beta_[j]));
    });
  }

 private:
  static constexpr double wanted = sizeof(T) == 4 ? 1e-6 : 1e-14;
  static constexpr index most_steps = 1000;

  T* plan_row(index i) const { return plan_ + i * state_.stride(); }
  const T* rounded(const double* v) const {
    T* to = state_.workspace().partial.reserve(2 * state_.stride());
    for (index j = 0; j < m_; ++j) to[j] = static_cast<T>(v[j]);
    return to;
  }

  /// to_j = Σ_i weight(i) P_ij
  template <class Weight>
  void down_columns(const Weight& weight, double* to) {
    const index stride = state_.stride(), chunks = (n_ + transport_chunk - 1) / transport_chunk;
    T* const columns = state_.workspace().columns.reserve(chunks * stride);
    for_row_groups(
        n_, state_.how(), [&](index chunk, int) { std::fill_n(columns + chunk * stride, stride, T(0)); },
        [&](index first, index count, index chunk, int) {
          T factor[transport_rows];
          for (index r = 0; r < count; ++r) factor[r] = static_cast<T>(mass_[first + r] > 0 ? weight(first + r) : 0.0);
          add_weighted_rows(plan_row(first), count, stride, factor, columns + chunk * stride);
        });
    std::fill_n(to, m_, 0.0);
    for (index chunk = 0; chunk < chunks; ++chunk)
      for (index j = 0; j < m_; ++j) to[j] += static_cast<double>(columns[chunk * stride + j]);
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

  /// The limits of α and β where the mass goes to 0: Σ_j p_ij (C_ij/ε − β_j), p = P/a_i; and likewise.
  double row_limit(index i) const {
    double total = 0;
    for (index j = 0; j < m_; ++j)
      if (root_[j] > 0) total += share(i, j) * state_.b()[j] * (cost(i, j) / state_.epsilon() - beta_[j]);
    return total;
  }
  double column_limit(index j) const {
    double total = 0;
    for (index i = 0; i < n_; ++i)
      if (mass_[i] > 0) total += share(i, j) * state_.a()[i] * (cost(i, j) / state_.epsilon() - alpha_[i]);
    return total;
  }
  double share(index i, index j) const {
    return std::exp((state_.f()[i] + state_.g()[j] - cost(i, j)) / state_.epsilon());
  }
  double cost(index i, index j) const { return static_cast<double>(state_.cost(i)[j]); }

  const sinkhorn_iteration<T>& state_;
  index n_, m_;
  T* plan_ = nullptr;
  double *x_, *mass_, *alpha_, *y_, *beta_, *residual_, *direction_, *image_, *root_, *unknown_;
  double error_ = 0;
};

}  // namespace detail
DISTILL_NAMESPACE_END
