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
        state_(problem, options.form, !out.target.empty(), workspace, how),
        history_(unrolled_ ? workspace.history.reserve(transport_history::size(options.iterations, n_, m_)) : nullptr,
                 n_, m_) {}

  transport_result operator()() {
    iterate();
    const bool implicit = out_ && options_.gradient == transport_gradient::implicit;
    if (options_.value == transport_value::entropic) {
      result_.value = 0;
      for (index i = 0; i < n_; ++i) result_.value += state_.a()[i] > 0 ? state_.a()[i] * state_.f()[i] : 0;
      for (index j = 0; j < m_; ++j) result_.value += state_.b()[j] > 0 ? state_.b()[j] * state_.g()[j] : 0;
      // At the fixed point plan and potentials are the gradient, whoever asks.
      const bool plan_is_gradient = out_ && !unrolled_;
      double* sums = workspace_.scratch.reserve(n_);
      finish(marginal_error(state_, sums, plan_is_gradient ? out_.cost : matrix_view<T>()));
      if (plan_is_gradient) write_marginals(state_.f(), state_.g());
      if (unrolled_) unroll_entropic();
    } else if (implicit) {
      implicit_gradient<T> gradient(state_, workspace_.system.reserve(implicit_gradient<T>::numbers(n_, m_)));
      result_.value = gradient.solve();
      result_.gradient_error = gradient.residual();
      finish(gradient.marginal_error());
      if (out_.cost) gradient.write_cost_slope(out_.cost);
      write_marginals(gradient.to_source(), gradient.to_target());
    } else {
      cost_of_plan();
    }
    return result_;
  }

 private:
  void iterate() {
    const double least = options_.tolerance * state_.mass();
    index k = 0;
    for (double start = options_.annealing.start; k < options_.iterations; start *= options_.annealing.ratio) {
      const double epsilon = std::max(options_.epsilon, start);
      const double error = state_(epsilon);
      ++k;
      if (unrolled_) history_.add(epsilon, state_.f(), state_.g());
      if (options_.tolerance > 0 && epsilon == options_.epsilon && error <= least) break;
    }
    result_.iterations = k;
  }
  void finish(double error) {
    result_.marginal_error = error;
    if (options_.tolerance > 0)
      result_.status = error <= options_.tolerance ? transport_status::converged : transport_status::not_converged;
  }
  void write_marginals(const double* to_source, const double* to_target) const {
    for (index i = 0; i < n_ && !out_.source.empty(); ++i) out_.source[static_cast<std::size_t>(i)] = to_source[i];
    for (index j = 0; j < m_ && !out_.target.empty(); ++j) out_.target[static_cast<std::size_t>(j)] = to_target[j];
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
    write_marginals(s.a, s.b);
  }
  void unroll_entropic() {
    const matrix_view<T> to_cost = cost_slopes();
    for (index i = 0; to_cost && i < n_; ++i) std::fill_n(to_cost.row(i), m_, T(0));
    const transport_slopes s = slopes();
    std::copy_n(state_.a(), n_, s.f);
    std::copy_n(state_.b(), m_, s.g);
    std::copy_n(state_.f(), n_, s.a);
    std::copy_n(state_.g(), m_, s.b);
    unroll(s, to_cost);
  }
  void cost_of_plan() {
    const matrix_view<T> to_cost = unrolled_ ? cost_slopes() : matrix_view<T>();
    const plan_sums sums = cost_sums(state_, workspace_.scratch.reserve(2 * n_ + m_), to_cost);
    double error = 0;
    for (index i = 0; i < n_; ++i) {
      result_.value += sums.cost_of_row[i];
      error += std::abs(sums.mass_of_row[i] - state_.a()[i]);
    }
    finish(error / state_.mass());
    if (!unrolled_) return;
    const transport_slopes s = slopes();
    for (index i = 0; i < n_; ++i) {
      s.f[i] = sums.cost_of_row[i] / state_.epsilon();
      s.a[i] = state_.a()[i] > 0 ? sums.cost_of_row[i] / state_.a()[i] : cost_without_mass(i, -1);
    }
    for (index j = 0; j < m_; ++j) {
      s.g[j] = sums.cost_of_column[j] / state_.epsilon();
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

}  // namespace detail

/// Entropic optimal transport between masses a and b at a given cost: Sinkhorn's iterations
///   f_i = −ε log Σ_j b_j e^((g_j − C_ij)/ε),   g_j = −ε log Σ_i a_i e^((f_i − C_ij)/ε),   g = 0 at first,
/// the plan P_ij = a_i b_j e^((f_i + g_j − C_ij)/ε), its value and its gradients with respect to C, a and b (see
/// sinkhorn_options). The gradient to masses is that of each alone, with the formulas above; implicit and envelope ones
/// are up to a constant, since masses must stay equal. Without mass on either side: value 0, gradients 0. Results do
/// not depend on the number of threads. Sources: Cuturi 2013, arXiv 1306.0895 (scaling); Schmitzer 2019, arXiv
/// 1610.06519 (absorption, ε-scaling); Feydy et al. 2019, arXiv 1810.08278 (potentials, envelope); Eisenberger et al.
/// 2022, arXiv 2205.06688 (implicit).
/// @throws argument_error  before anything is written: options out of range, negative or infinite masses, masses of
///   different sums, costs that are not finite, masses or gradients of another shape
template <class T>
transport_result solve_transport(const transport_problem<T>& problem, const sinkhorn_options& options,
                                 const std::type_identity_t<transport_gradients<T>>& out,
                                 transport_workspace<T>& workspace, const execution& how = {}) {
  detail::check_transport(problem, options, out);
  if (detail::total_mass("source", problem.source, problem.cost.rows) > 0 && problem.cost.rows > 0 &&
      problem.cost.columns > 0)
    return detail::transport_call<T>(problem, options, out, workspace, how)();
  for (index i = 0; out.cost && i < out.cost.rows; ++i)
    for (index j = 0; j < out.cost.columns; ++j) out.cost(i, j) = 0;
  std::fill(out.source.begin(), out.source.end(), 0.0);
  std::fill(out.target.begin(), out.target.end(), 0.0);
  transport_result nothing;
  if (options.tolerance > 0) nothing.status = transport_status::converged;
  return nothing;
}

DISTILL_NAMESPACE_END
