// The standard normal distribution over any lane.
#pragma once

#include <array>
#include <cstddef>
#include <numbers>

#include "../config.hpp"
#include "dual.hpp"
#include "lane.hpp"
#include "math.hpp"

DISTILL_NAMESPACE_BEGIN

/// φ(x) = e^(−x²/2)/√(2π), and Φ(x), the mass below x.
template <lane_type V>
struct normal_values {
  V density, below;
};

namespace detail {

/// (1 + t)(1 − Φ(t)) e^(t²/2) in (t − 5)/(t + 5); tools/polynomials.py prints it.
template <class T>
struct upper_tail;

template <>
struct upper_tail<float> {
  static constexpr float end = 14;  // φ(14) is below every normal float
  static constexpr std::array coefficients{4.615158295e-1f,  -9.155228561e-2f, 3.10304183e-2f,   1.000248047e-2f,
                                           -2.640215004e-2f, 2.453536791e-2f,  -1.516191297e-2f, 6.532884897e-3f,
                                           -1.702602844e-3f, -3.050446224e-5f, 2.083625187e-4f};
};

template <>
struct upper_tail<double> {
  static constexpr double end = 40;
  static constexpr std::array coefficients{
      4.615158298500377745e-1,  -9.155228183400880404e-2, 3.103036842596337785e-2,  1.000235238520427295e-2,
      -2.640104296630337698e-2, 2.453696324448090486e-2,  -1.51704154023008884e-2,  6.522000656021719295e-3,
      -1.67607235091543553e-3,  7.791692131159478118e-6,  1.823342156756056803e-4,  -5.360803751462563208e-5,
      -9.896519380427110721e-6, 9.061184935388096992e-6,  -6.883972175738501799e-8, -1.309925137980041991e-6,
      1.245584441332959602e-7,  1.988018683289955184e-7,  -2.186097318751282009e-8, -3.193142087507990656e-8,
      3.518021522475357205e-10, 3.977719908272421756e-9,  7.519514242694345275e-10};
};

}  // namespace detail

/// φ and Φ at any x; both exactly 0 where φ leaves the normal range, |x| above 13.2 (float) or 37.6 (double), but for
/// Φ = 1 on the right. The lower tail keeps its relative accuracy: with t = |x|, 1 − Φ(t) = e^(−t²/2) P(t)/(1 + t), and
/// the exponential takes the digits that t² loses. density 3 ULP / 4 ULP, below 5 ULP / 6 ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE normal_values<V> standard_normal(V x) {
  using T = lane_scalar<V>;
  using B = typename lane<T>::bits;
  using tail = detail::upper_tail<T>;
  constexpr B upper_half = ~B{0} << ((lane<V>::mantissa_bits + 2) / 2);
  const V zero(T(0)), one(T(1)), one_half(T(0.5)), size = lane<V>::abs(x);
  const V t = lane<V>::select(V(tail::end) < size, V(tail::end), size);
  const V square = t * t;
  // The square of the upper half of the digits is exact.
  const V high = lane<V>::from_bits(lane<V>::to_bits(t) & typename lane<V>::bits(upper_half)), low = t - high;
  const V lost = ((high * high - square) + (high + high) * low) + low * low;
  const V rough = exp_nonpositive(zero - one_half * square);
  const V decay = lane<V>::fma(zero - one_half * lost, rough, rough);
  const V u = (t - V(T(5))) / (t + V(T(5)));
  const V above = decay * detail::paired(tail::coefficients, u) / (one + t);
  return {decay * V(std::numbers::inv_sqrtpi_v<T> * (std::numbers::sqrt2_v<T> / 2)),
          lane<V>::select(zero < x, one - above, above)};
}

/// φ′ = −x φ, Φ′ = φ.
template <class T>
normal_values<dual<T>> standard_normal(dual<T> x) {
  const normal_values<T> v = standard_normal(x.value);
  const T steepness = v.density == 0 ? T(0) : -x.value * v.density;
  return {{v.density, detail::carried(x.slope, steepness)}, {v.below, detail::carried(x.slope, v.density)}};
}

DISTILL_NAMESPACE_END
