// An entropic transport problem, how it is to be solved, and what the solver says of its answer.
#pragma once

#include <span>

#include "../config.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// Both run the same iterations; where one needs more range than the other has, it says so by taking the log domain.
enum class transport_form {
  log_domain,  ///< exponentials of potentials and costs, new in every iteration
  scaling      ///< two vectors that scale the rows and columns of one matrix of exponentials, made anew (with the
               ///< potentials as they are by then) when a scale leaves [e⁻¹⁴, e¹⁴]
};

/// What the plan P is worth.
enum class transport_value {
  cost,  ///< Σ P C: what the transport costs
  entropic  ///< ⟨a, f⟩ + ⟨b, g⟩: at convergence min over P of Σ P C + ε KL(P ‖ a bᵀ), before it a lower bound
};

/// Of what the gradient is.
enum class transport_gradient {
  unrolled,  ///< of the iterations that were run, exactly; plans are not stored
  implicit,  ///< of the value at the fixed point, by one linear system
  envelope   ///< of the entropic value at the fixed point: the plan and the potentials themselves
};

/// ε_k = max(ε, start · ratioᵏ) in iteration k = 0, 1, …: large first, so that potentials are in place by the time
/// ε is small. start = 0: always ε. Where `iterations` end before ε is reached, the answer is that of the last ε_k and
/// not converged.
struct epsilon_schedule {
  double start = 0, ratio = 0.5;
};

struct sinkhorn_options {
  double epsilon = 0.1;   ///< in the units of the cost
  index iterations = 50;  ///< one iteration renews both potentials; exactly so many, or at most (see tolerance)
  double tolerance = 0;   ///< stop once Σ_i |(P1)_i − a_i| <= tolerance · Σ a; 0: never before the last iteration
  epsilon_schedule annealing{};
  transport_form form = transport_form::log_domain;
  transport_value value = transport_value::entropic;
  transport_gradient gradient = transport_gradient::envelope;
};

enum class transport_status {
  fixed_iterations,  ///< no tolerance was asked for, and none is claimed
  converged,         ///< marginal_error <= tolerance
  not_converged      ///< `iterations` were not enough
};

struct transport_result {
  double value = 0;
  transport_status status = transport_status::fixed_iterations;
  index iterations = 0;       ///< that were run
  double marginal_error = 0;  ///< Σ_i |(P1)_i − a_i| / Σ a of the plan that `value` is about; its columns are exact
  double gradient_error = 0;  ///< implicit gradient: the residual of its linear system, relative to the right-hand side
};

/// n sources and m targets. The masses a and b are not negative and have the same sum, to 1e-5 of it: b is scaled to Σ
/// a. Entries of mass 0 take no part. An empty span stands for equal masses, 1/n and 1/m.
template <class T>
struct transport_problem {
  matrix_view<const T> cost;  ///< n × m, finite
  std::span<const double> source{}, target{};
};

/// Where gradients go, not over the costs; what is left empty is not computed.
template <class T>
struct transport_gradients {
  matrix_view<T> cost{};
  std::span<double> source{}, target{};

  explicit operator bool() const { return cost || !source.empty() || !target.empty(); }
};

DISTILL_NAMESPACE_END
