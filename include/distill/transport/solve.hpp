// The call on a transport problem: its value, how far the iterations came, and gradients.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "../config.hpp"
#include "check.hpp"
#include "implicit.hpp"
#include "iteration.hpp"
#include "options.hpp"
#include "plan.hpp"
#include "unrolled.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class T>
class transport_call {
 public:
  transport_call(const transport_problem<T>& problem, const sinkhorn_options& options,
                 const transport_gradients<T>& out, transport_workspace<T>& workspace, const execution& how)
      : options_(options),
        out_(out),
        n_(problem.cost.rows),
        m_(problem.cost.columns),
        unrolled_(out && options.gradient == transport_gradient::unrolled),
        workspace_(workspace),
        state_(problem, options.form, unrolled_ && !out.target.empty(), workspace, how),
        history_(workspace.history, n_, m_) {}

  transport_result operator()() {
    iterate();
    const double mass = state_.mass(), shift = state_.epsilon() * std::log(mass);  // of f, by the masses' sum
    if (options_.value == transport_value::entropic) {
      double value = -shift;
      for (index i = 0; i < n_; ++i) value += state_.a()[i] > 0 ? state_.a()[i] * state_.f()[i] : 0;
      for (index j = 0; j < m_; ++j) value += state_.b()[j] > 0 ? state_.b()[j] * state_.g()[j] : 0;
      result_.value = mass * value;
      // At the fixed point plan and potentials are the gradient, whoever asks.
      const bool plan_is_gradient = out_ && !unrolled_;
      double* const sums = workspace_.scratch.reserve(n_);
      finish(marginal_error(state_, sums, plan_is_gradient ? out_.cost : matrix_view<T>()));
      if (plan_is_gradient) {
        if (!out_.target.empty()) state_.extend();
        write_marginals(state_.f(), state_.g(), -shift);
      }
      if (unrolled_) unroll_entropic(shift);
    } else if (out_ && options_.gradient == transport_gradient::implicit) {
      if (!out_.target.empty()) state_.extend();
      implicit_gradient<T> gradient(state_, workspace_.system.reserve(implicit_gradient<T>::numbers(n_, m_)));
      result_.value = gradient.solve(!out_.source.empty(), !out_.target.empty());
      result_.gradient_error = gradient.residual();
      finish(gradient.marginal_error());
      if (out_.cost) gradient.write_cost_slope(out_.cost);
      write_marginals(gradient.to_source(), gradient.to_target(), 0);
    } else {
      cost_of_plan();
    }
    return result_;
  }

 private:
  void iterate() {
    if (unrolled_) history_.expect(options_.tolerance == 0 ? options_.iterations : 1);
    double start = options_.annealing.start, wanted = options_.tolerance;
    for (index k = 0; k < options_.iterations; start *= options_.annealing.ratio) {
      const double epsilon = std::max(options_.epsilon, start), error = state_(epsilon);
      result_.iterations = ++k;
      if (unrolled_) history_.add(epsilon, state_.f(), state_.g());
      if (!(wanted > 0 && epsilon == options_.epsilon && error <= wanted)) continue;
      // That was the plan before, by the rounding of its exponents: the one to be returned is asked itself.
      if (marginal_error<T>(state_, workspace_.scratch.reserve(n_), {}) <= options_.tolerance) break;
      wanted /= 2;
    }
  }
  void finish(double error) {
    result_.marginal_error = error;
    if (options_.tolerance == 0) return;
    const bool there = state_.epsilon() == options_.epsilon && error <= options_.tolerance;
    result_.status = there ? transport_status::converged : transport_status::not_converged;
  }
  void write_marginals(const double* to_source, const double* to_target, double shift) const {
    for (std::size_t i = 0; i < out_.source.size(); ++i) out_.source[i] = to_source[i] + shift;
    for (std::size_t j = 0; j < out_.target.size(); ++j) out_.target[j] = to_target[j];
  }

  /// Rows that gradients are added to: the caller's own where they are contiguous.
  matrix_view<T> cost_slopes() const {
    if (!out_.cost || out_.cost.column_stride == 1) return out_.cost;
    return {workspace_.kernel.reserve(n_ * m_), n_, m_};
  }
  transport_slopes slopes() const {
    double* next = workspace_.system.reserve(2 * n_ + 2 * m_);
    return {next, next + n_, next + n_ + m_, next + 2 * n_ + m_};
  }
  void unroll(transport_slopes s, const matrix_view<T>& to_cost) {
    double* scratch = workspace_.scratch.reserve(n_ + 2 * m_);
    const transport_slopes wanted{s.f, s.g, out_.source.empty() ? nullptr : s.a, out_.target.empty() ? nullptr : s.b};
    unrolled_gradient<T>(state_, history_, scratch, to_cost)(wanted);
    if (to_cost && to_cost.data != out_.cost.data)
      for (index i = 0; i < n_; ++i)
        for (index j = 0; j < m_; ++j) out_.cost(i, j) = to_cost(i, j);
    write_marginals(s.a, s.b, 0);
  }
  void unroll_entropic(double shift) {
    const matrix_view<T> to_cost = cost_slopes();
    for (index i = 0; to_cost && i < n_; ++i) std::fill_n(to_cost.row(i), m_, T(0));
    const transport_slopes s = slopes();
    for (index i = 0; i < n_; ++i) s.f[i] = state_.mass() * state_.a()[i], s.a[i] = state_.f()[i] - shift;
    for (index j = 0; j < m_; ++j) s.g[j] = state_.mass() * state_.b()[j];
    std::copy_n(state_.g(), m_, s.b);
    unroll(s, to_cost);
  }
  void cost_of_plan() {
    const matrix_view<T> to_cost = unrolled_ ? cost_slopes() : matrix_view<T>();
    const plan_sums sums = cost_sums(state_, workspace_.scratch.reserve(2 * n_ + m_), to_cost);
    for (index i = 0; i < n_; ++i) result_.value += state_.mass() * sums.cost_of_row[i];
    finish(state_.marginal_gap(sums.mass_of_row));
    if (!unrolled_) return;
    const transport_slopes s = slopes();
    for (index i = 0; i < n_; ++i) {
      s.f[i] = state_.mass() * sums.cost_of_row[i] / state_.epsilon();
      s.a[i] = state_.a()[i] > 0 ? sums.cost_of_row[i] / state_.a()[i] : cost_without_mass(i, -1);
    }
    for (index j = 0; j < m_; ++j) {
      s.g[j] = state_.mass() * sums.cost_of_column[j] / state_.epsilon();
      s.b[j] = state_.b()[j] > 0 ? sums.cost_of_column[j] / state_.b()[j] : cost_without_mass(-1, j);
    }
    unroll(s, to_cost);
  }
  /// Σ P C of a row or column over its mass, where that is 0.
  double cost_without_mass(index row, index column) const {
    double total = 0;
    for (index k = 0; k < (row < 0 ? n_ : m_); ++k) {
      const index i = row < 0 ? k : row, j = row < 0 ? column : k;
      const double mass = row < 0 ? state_.a()[i] : state_.b()[j], c = static_cast<double>(state_.cost(i)[j]);
      if (mass > 0) total += mass * c * std::exp((state_.f()[i] + state_.g()[j] - c) / state_.epsilon());
    }
    return total;
  }

  const sinkhorn_options& options_;
  const transport_gradients<T>& out_;
  index n_, m_;
  bool unrolled_;
  transport_workspace<T>& workspace_;
  sinkhorn_iteration<T> state_;
  transport_history history_;
  transport_result result_;
};

template <class T>
transport_result solve_checked(const transport_problem<T>& problem, const sinkhorn_options& options,
                               const transport_gradients<T>& out, double mass, transport_workspace<T>& workspace,
                               const execution& how) {
  if (mass > 0) return transport_call<T>(problem, options, out, workspace, how)();
  for (index i = 0; out.cost && i < out.cost.rows; ++i)
    for (index j = 0; j < out.cost.columns; ++j) out.cost(i, j) = 0;
  std::fill(out.source.begin(), out.source.end(), 0.0);
  std::fill(out.target.begin(), out.target.end(), 0.0);
  transport_result nothing;
  if (options.tolerance > 0) nothing.status = transport_status::converged;
  return nothing;
}

}  // namespace detail

/// Entropic optimal transport between masses a and b at a given cost: Sinkhorn's iterations
///   f_i = −ε log Σ_j b_j e^((g_j − C_ij)/ε),   g_j = −ε log Σ_i a_i e^((f_i − C_ij)/ε),   g = 0 at first,
/// the plan P_ij = a_i b_j e^((f_i + g_j − C_ij)/ε), its value and its gradients with respect to C, a and b (see
/// sinkhorn_options). The gradient to masses is that of each alone, with the formulas above; implicit and envelope ones
/// are up to a constant, since masses must stay equal. Without mass on either side: value 0, gradients 0. Results do
/// not depend on the number of threads. Sources: Cuturi 2013, arXiv 1306.0895 (scaling); Schmitzer 2019, arXiv
/// 1610.06519 (absorption, ε-scaling); Feydy et al. 2019, arXiv 1810.08278 (potentials, envelope); Eisenberger et al.
/// 2022, arXiv 2205.06688 (implicit).
/// @throws argument_error  before anything is written: options out of range, ε below what T's rounding of the costs
///   allows, negative or infinite masses, masses of different sums, costs that are not finite, masses or gradients of
///   another shape, a gradient that lies over the costs
template <class T>
transport_result solve_transport(const transport_problem<T>& problem, const sinkhorn_options& options,
                                 const std::type_identity_t<transport_gradients<T>>& out,
                                 transport_workspace<T>& workspace, const execution& how = {}) {
  const double mass = detail::check_transport<T>(problem, options, out);
  return detail::solve_checked<T>(problem, options, out, mass, workspace, how);
}

DISTILL_NAMESPACE_END
