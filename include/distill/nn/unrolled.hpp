// The derivative of what comes of an inner training loop.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../core/sums.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// N steps of gradient descent with momentum on losses ℓ_j, kept so that an outer loss L of the points θ_j can be
/// differentiated by everything the inner loop depends on: its start, its rate, its data and labels, its weights.
///
///     b_j = μ b_{j−1} + ∇ℓ_j(θ_j),  θ_{j+1} = θ_j − η b_j,  j = 0 … N − 1,  b_{−1} = 0
///
/// Backwards, from A_N = ∂L/∂θ_N and u_N = 0:
///
///     u_j = μ u_{j+1} − η A_{j+1},  A_j = A_{j+1} + ∇²ℓ_j(θ_j) u_j + ∂L/∂θ_j
///     dL/dη = −Σ_j ⟨A_{j+1}, b_j⟩,  dL/dx = Σ_j ∂/∂x ⟨∇ℓ_j(θ_j), u_j⟩  for whatever else, x, ℓ_j depends on
///
///     nn::unrolled<double> inner(size, 20, 0.9);
///     const auto end = inner.run(start, rate, [&](index j, auto theta, auto to) { … });      // to = ∇ℓ_j(θ)
///     … to_end = ∂L/∂θ_N …
///     const double to_rate = inner.differentiate(to_end, [&](index j, auto theta, auto u, auto to) {
///       second.at(theta, u);
///       … ℓ_j of the twin, images differentiable; tape.backward() …
///       second.product(to);                                                            // to = ∇²ℓ_j(θ) u
///       nn::copy_slopes(tape.gradient(images), to_images, 1.0, true);                  // dL/dx
///     });
///
/// Holds 2 N + 3 vectors of θ's size; a run of the same size allocates nothing. source: D. Maclaurin, D. Duvenaud,
/// R. Adams, "Gradient-based hyperparameter optimization through reversible learning", ICML 2015, algorithm 2, with the
/// points kept in the place of reversing the loop.
template <class T>
class unrolled {
 public:
  /// @throws argument_error  size or steps below 1, momentum outside [0, 1)
  unrolled(index size, index steps, double momentum = 0) : size_(size), steps_(steps), momentum_(momentum) {
    if (size < 1 || steps < 1) fail("unrolled: size is ", size, ", steps is ", steps, ", at least 1 expected");
    if (!(momentum >= 0 && momentum < 1)) fail("unrolled: momentum is ", momentum, ", [0, 1) expected");
    points_.resize(static_cast<std::size_t>(size * (steps + 1)));
    velocities_.resize(static_cast<std::size_t>(size * steps));
    carried_.resize(static_cast<std::size_t>(size));
    products_.resize(carried_.size());
  }

  /// From θ_0 to θ_N, which it returns. gradient(j, θ, to) writes ∇ℓ_j(θ), every element.
  /// @throws argument_error  a start of another size
  template <class Gradient>
  std::span<const T> run(std::span<const T> start, double rate, const Gradient& gradient) {
    check("start", std::ssize(start));
    rate_ = rate;
    std::copy(start.begin(), start.end(), points_.begin());
    const T mu = static_cast<T>(momentum_), eta = static_cast<T>(rate);
    for (index j = 0; j < steps_; ++j) {
      const std::span<T> b = part(velocities_, j), here = part(points_, j), next = part(points_, j + 1);
      gradient(j, std::span<const T>(here), b);
      for (std::size_t i = 0; i < b.size(); ++i) {
        if (j > 0) b[i] += mu * part(velocities_, j - 1)[i];
        next[i] = here[i] - eta * b[i];
      }
    }
    return point(steps_);
  }

  /// θ_j of the last run, j = 0 … N. @throws argument_error  another j
  std::span<const T> point(index j) const {
    if (j < 0 || j > steps_) fail("unrolled::point: j is ", j, ", 0 to ", steps_, " expected");
    return std::span<const T>(points_).subspan(static_cast<std::size_t>(j * size_), static_cast<std::size_t>(size_));
  }

  /// Back through the last run. `adjoint` holds ∂L/∂θ_N and receives dL/dθ_0. product(j, θ_j, u, to) is called for j =
  /// N − 1 … 0, writes ∇²ℓ_j(θ_j) u, every element, and adds to what it wants of ∂/∂x ⟨∇ℓ_j(θ_j), u⟩. between(j,
  /// adjoint) may add ∂L/∂θ_j for j = N − 1 … 0. Returns dL/dη. @throws argument_error  an adjoint of another size
  template <class Product, class Between>
  double differentiate(std::span<T> adjoint, const Product& product, const Between& between) {
    check("adjoint", std::ssize(adjoint));
    std::fill(carried_.begin(), carried_.end(), T(0));
    const T mu = static_cast<T>(momentum_), eta = static_cast<T>(rate_);
    double to_rate = 0;
    for (index j = steps_; j-- > 0;) {
      to_rate -= distill::detail::dot<T>(adjoint.data(), part(velocities_, j).data(), size_);
      for (std::size_t i = 0; i < adjoint.size(); ++i) carried_[i] = mu * carried_[i] - eta * adjoint[i];
      product(j, point(j), std::span<const T>(carried_), std::span<T>(products_));
      for (std::size_t i = 0; i < adjoint.size(); ++i) adjoint[i] += products_[i];
      between(j, adjoint);
    }
    return to_rate;
  }
  template <class Product>
  double differentiate(std::span<T> adjoint, const Product& product) {
    return differentiate(adjoint, product, [](index, std::span<T>) {});
  }

 private:
  void check(const char* what, index size) const {
    if (size != size_) fail("unrolled: ", what, " has ", size, " elements, ", size_, " expected");
  }
  std::span<T> part(std::vector<T>& of, index j) const {
    return std::span<T>(of).subspan(static_cast<std::size_t>(j * size_), static_cast<std::size_t>(size_));
  }

  index size_, steps_;
  double momentum_, rate_ = 0;
  std::vector<T> points_, velocities_, carried_, products_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
