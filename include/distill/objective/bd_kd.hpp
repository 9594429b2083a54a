#pragma once

#include <array>
#include <cmath>

#include "../row/adaptor.hpp"
#include "../row/algebra.hpp"
#include "../row/combine.hpp"
#include "../row/objective.hpp"
#include "entropy.hpp"
#include "kl.hpp"
#include "reverse_kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// BD-KD: forward and reverse KL for each sample, the heavier one chosen by whose entropy is larger.
///   value     T² [a KL(p_t‖p_s) + b KL(p_s‖p_t)],  (a, b) = (1, δ) where H(p_s) > H(p_t) at T, else (δ, 1)
///   gradients a and b times those of kl and reverse_kl; the choice is constant
/// This is the student's part. The teacher that is trained along minimises
/// detached(input::student, kl{.temperature = T}) with respect to its own logits.
/// Source: Amara et al. 2022, arXiv 2212.12965; the weights are the caller's (δ >= 1 published).
struct bd_kd {
  double delta = 2;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "bd_kd",
                                       .formula = "T² [a KL(p_t‖p_s) + b KL(p_s‖p_t)], (a, b) by the entropy gap",
                                       .source = "Amara et al. 2022, arXiv 2212.12965",
                                       .gradient = "a of kl + b of reverse_kl, a and b constant",
                                       .systems = "BD-KD"};

  struct balance {
    double delta;
    template <class Number>
    folded<4, Number> operator()(const std::array<Number, 4>& v) const {
      const bool unsure = v[2] > v[3];  // the student has more entropy than the teacher
      const double a = unsure ? 1 : delta, b = unsure ? delta : 1;
      return {a * v[0] + b * v[1], {a, b, 0, 0}};
    }
  };
  auto expression() const {
    if (!(delta > 0) || std::isinf(delta)) fail("bd_kd: delta is ", delta, ", must be positive and finite");
    const entropy own{temperature, temperature_scaling::none};
    const auto teachers = substituted(input::student, row_mix::of(input::teacher), own);
    return combine(balance{delta}, kl{temperature, scaling}, reverse_kl{temperature, scaling}, own,
                   teachers.template get<0>().leaf);
  }
};

DISTILL_NAMESPACE_END
