#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Squared hinge to the teacher's sign: every entry of the student's row lies on the teacher's side of 0, by a margin.
///   value     T² Σ max(0, m − a u_s)²,  a = 1 where u_t > 0, −1 elsewhere (0 included),  u = z/T
///   student   −2 T a max(0, m − a u_s)
///   teacher   0: the value does not change with u_t, but for a jump at 0
/// An entry masked on both sides counts as absent; masked by the teacher only, it has a = −1; by the student only,
/// value +inf where a = 1. Source: Heo et al. 2019 (activation boundaries), arXiv 1811.03233, the alternative loss.
struct squared_hinge {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;
  double margin = 1;

  static constexpr objective_info info{.name = "squared_hinge",
                                       .formula = "T² Σ max(0, m − a u_s)², a the sign of u_t",
                                       .source = "Heo et al. 2019, arXiv 1811.03233",
                                       .gradient = "−2 T a max(0, m − a u_s), u = z/T",
                                       .systems = "AB",
                                       .zero_at_equality = false,
                                       .shift_invariant = false,
                                       .smooth = false};

  void validate(index) const {
    if (!(margin >= 0 && margin < 1e30)) fail("squared_hinge: margin is ", margin, ", must be finite and not negative");
  }
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const logit_pair<V>& x) const {
    using T = lane_scalar<V>;
    const V zero(T(0)), width(static_cast<T>(margin));
    const auto active = zero < x.teacher;
    const V short_of = width + lane<V>::select(active, zero - x.student, x.student);
    const V hinge = lane<V>::select(short_of < zero, zero, short_of);  // NaN stays
    // A NaN of the teacher compares like a negative number: its difference brings it back.
    const V kept = lane<V>::select(x.difference == x.difference, x.present * hinge, x.difference);
    const V slope = lane<V>::select(active, zero - kept, kept);
    return {kept * kept, slope + slope, zero};
  }
};

DISTILL_NAMESPACE_END
