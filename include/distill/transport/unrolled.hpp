// The gradient of a value that finitely many iterations computed: the iterations backwards, from the potentials of
// each.
//
// With R = b_j e^((f_i + g'_j − C_ij)/ε), g' the potentials before the iteration, and Q = a_i e^((f_i + g_j − C_ij)/ε),
// iteration k is f = −ε log Σ_j (…) with ∂f_i/∂g'_j = −R_ij, ∂f_i/∂C_ij = R_ij, and g likewise with Q. So with slopes
// f̄, ḡ of the value:   f̄ −= Q ḡ,   C̄ += Q diag(ḡ) + diag(f̄) R,   ḡ' = −Rᵀ f̄,   ā −= ε Q ḡ/a,   b̄ −= ε Rᵀ f̄/b.
// Q_ij = a_i R_ij e^((g_j − g'_j)/ε)/b_j: one exponential an entry, unless the change is too large for that.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "plan.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// The potentials of every iteration, f and g; and its ε. Memory grows with the iterations that were run.
class transport_history {
 public:
  transport_history(buffer<double>& memory, index n, index m) : memory_(memory), n_(n), m_(m) {}
  /// Room for so many from the start.
  void expect(index iterations) { memory_.reserve(iterations * size()); }

  void add(double epsilon, const double* f, const double* g) {
    if ((count_ + 1) * size() > memory_.capacity()) {
      buffer<double> larger(2 * (count_ + 1) * size());
      std::copy_n(memory_.data(), count_ * size(), larger.data());
      memory_ = std::move(larger);
    }
    double* to = memory_.data() + count_++ * size();
    *to++ = epsilon;
    std::copy_n(g, m_, std::copy_n(f, n_, to));
  }
  index count() const { return count_; }
  double epsilon(index k) const { return memory_.data()[k * size()]; }
  const double* f(index k) const { return memory_.data() + k * size() + 1; }
  const double* g(index k) const { return f(k) + n_; }

 private:
  index size() const { return n_ + m_ + 1; }

  buffer<double>& memory_;
  index n_, m_, count_ = 0;
};

/// Slopes of the value (of all the mass) with respect to potentials and masses; carried back from the last potentials.
struct transport_slopes {
  double *f, *g, *a, *b;  ///< n, m, n, m
};

template <class T>
class unrolled_gradient {
 public:
  /// `scratch`: 2 (n + m) doubles. `to_cost`: row-major, or empty.
  unrolled_gradient(const sinkhorn_iteration<T>& state, const transport_history& history, double* scratch,
                    const matrix_view<T>& to_cost)
      : state_(state), history_(history), to_cost_(to_cost) {
    for (double** each : {&before_, &by_column_}) *each = scratch, scratch += state.columns();
    by_row_ = scratch;
  }

  void operator()(const transport_slopes& slopes) {
    for (index k = history_.count(); k-- > 0;) back(k, slopes);
  }

 private:
  void back(index k, const transport_slopes& s) {
    const index n = state_.rows(), m = state_.columns(), stride = state_.stride();
    const double epsilon = history_.epsilon(k);
    const double *f = history_.f(k), *g = history_.g(k);
    if (k > 0)
      std::copy_n(history_.g(k - 1), m, before_);
    else
      std::fill_n(before_, m, 0.0);
    transport_workspace<T>& workspace = state_.workspace();
    T *const old_targets = state_.spare_lines(), *const new_targets = old_targets + stride;
    T* const slope = new_targets + stride;  // ḡ_j e^(change)/b_j, or ḡ_j/b_j
    std::fill_n(old_targets, 2 * stride, -std::numeric_limits<T>::infinity());
    std::fill_n(slope, stride, T(0));
    double change = 0;
    for (index j = 0; j < m; ++j)
      if (state_.b()[j] > 0) change = std::max(change, std::abs(g[j] - before_[j]) / epsilon);
    const bool once = change <= sinkhorn_iteration<T>::steady_change;
    for (index j = 0; j < m; ++j) {
      old_targets[j] = static_cast<T>(state_.with_mass(before_[j], state_.log_b()[j], epsilon));
      new_targets[j] = static_cast<T>(state_.with_mass(g[j], state_.log_b()[j], epsilon));
      // The change that the exponentials see is that of the rounded potentials.
      const double grown =
          std::exp((static_cast<double>(new_targets[j]) - static_cast<double>(old_targets[j])) / epsilon);
      if (state_.b()[j] > 0) slope[j] = static_cast<T>(s.g[j] / state_.b()[j] * (once ? grown : 1));
    }
    const T scale = static_cast<T>(1 / epsilon);
    for_row_groups<T>(n, m, workspace, state_.how(), by_column_, [&](index first, index count, T* rows, T* columns) {
      T weight[transport_rows];
      for (index i = first; i < first + count; ++i) {
        T *const r = rows + (i - first) * stride, *const p = rows + transport_rows * stride;
        const double mass = state_.a()[i];
        exponentials_of(old_targets, state_.cost(i), m, static_cast<T>(f[i]), scale, r);
        if (!once) {  // the plan itself, with the row's mass
          const auto offset = static_cast<T>(state_.with_mass(f[i], state_.log_a()[i], epsilon));
          exponentials_of(new_targets, state_.cost(i), m, offset, scale, p);
        }
        const double along = dot<T>(once ? r : p, slope, m);  // (Q ḡ)_i, over a_i where `once`
        by_row_[i] = once ? along : mass > 0 ? along / mass : extension(i, f[i], g, epsilon, s.g);
        s.f[i] -= once ? mass * along : along;
        weight[i - first] = static_cast<T>(-s.f[i]);
        if (to_cost_) add_cost_slope(i, r, once ? r : p, slope, once ? mass : 1, s.f[i]);
      }
      add_weighted_rows(rows, count, stride, weight, columns);
    });
    for (index j = 0; j < m; ++j) {
      const double mass = state_.b()[j];
      if (s.b)
        s.b[j] += epsilon / state_.mass() *
                  (mass > 0 ? by_column_[j] / mass : column_extension(j, before_[j], f, epsilon, s.f));
      s.g[j] = by_column_[j];
    }
    for (index i = 0; i < n; ++i) {
      if (s.a) s.a[i] -= epsilon / state_.mass() * by_row_[i];
      s.f[i] = 0;
    }
  }

  /// C̄_ij += mass q_ij slope_j + r_ij f̄_i
  void add_cost_slope(index i, const T* r, const T* q, const T* slope, double mass, double f_slope) const {
    sweep<T>(
        state_.columns(),
        [a = simd<T>(static_cast<T>(mass)), f = simd<T>(static_cast<T>(f_slope))](const simd<T>& x, const simd<T>& y,
                                                                                  const simd<T>& s, simd<T>& to)
            DISTILL_LAMBDA_INLINE { to = lane<simd<T>>::fma(x, f, lane<simd<T>>::fma(a * s, y, to)); },
        r, q, slope, to_cost_.row(i));
  }

  /// After a few iterations at a small ε the slope to a mass of 0 may leave the range; sums of such terms stay finite.
  static double bounded_exp(double x) { return std::exp(std::min(x, 300.0)); }
  /// Σ_j e^((f_i + g_j − C_ij)/ε) ḡ_j of a row without mass.
  double extension(index i, double f, const double* g, double epsilon, const double* slope) const {
    double sum = 0;
    for (index j = 0; j < state_.columns(); ++j)
      if (slope[j] != 0) sum += slope[j] * bounded_exp((f + g[j] - static_cast<double>(state_.cost(i)[j])) / epsilon);
    return sum;
  }
  /// −Σ_i e^((f_i + g'_j − C_ij)/ε) f̄_i of a column without mass.
  double column_extension(index j, double g, const double* f, double epsilon, const double* slope) const {
    double sum = 0;
    for (index i = 0; i < state_.rows(); ++i)
      if (slope[i] != 0) sum -= slope[i] * bounded_exp((f[i] + g - static_cast<double>(state_.cost(i)[j])) / epsilon);
    return sum;
  }

  const sinkhorn_iteration<T>& state_;
  const transport_history& history_;
  matrix_view<T> to_cost_;
  double *before_, *by_column_, *by_row_;
};

}  // namespace detail
DISTILL_NAMESPACE_END
