// Elementary functions over any lane, each with its error bound. Bounds are in units of the last place (ULP) of the
// result in the lane's own precision, with fused multiply-add / without, and are tested over the whole stated range.
#pragma once

#include <array>
#include <limits>
#include <numbers>

#include "../config.hpp"
#include "lane.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// Polynomial tables; tools/polynomials.py prints them with the error that each adds.
template <class T>
struct polynomials;

template <>
struct polynomials<float> {
  // (e^x - 1 - x)/x² for |x| <= ½ log 2, and for |x| <= ½
  static constexpr std::array exponential{0.5f, 1.666657699e-1f, 4.166655462e-2f, 8.363179053e-3f, 1.392618359e-3f};
  static constexpr std::array phi{
      0.5f, 1.666666714e-1f, 4.166666714e-2f, 8.333182072e-3f, 1.388873772e-3f, 1.996217623e-4f, 2.492243643e-5f};
  // (log((1+s)/(1-s)) - 2s)/s³ in s² for s² <= 0.0401
  static constexpr std::array logarithm{6.666671397e-1f, 3.997884017e-1f, 2.996152668e-1f};
  // the same for s² <= 1/9
  static constexpr std::array wide_logarithm{6.666666732e-1f, 3.999970633e-1f, 2.859235799e-1f, 2.17065758e-1f,
                                             2.322432922e-1f};
  // (h tanh h - log cosh h)/h² in h² for |h| <= ½
  static constexpr std::array even_mixture{4.999999997e-1f,  -2.499999147e-1f, 1.111071007e-1f,
                                           -4.715273234e-2f, 1.91306908e-2f,   -6.037735609e-3f};
  // log cosh h / h² in h² for |h| <= ½
  static constexpr std::array log_cosh{5.0e-1f,          -8.333332651e-2f, 2.222190186e-2f,
                                       -6.740492232e-3f, 2.143131279e-3f,  -5.742785255e-4f};
};

template <>
struct polynomials<double> {
  static constexpr std::array exponential{5.000000000000001022e-1, 1.666666666666666745e-1, 4.166666666662412787e-2,
                                          8.333333333330061833e-3, 1.38888889172137169e-3,  1.984126986305361688e-4,
                                          2.480152129595437513e-5, 2.755726845999706477e-6, 2.762008844540974816e-7,
                                          2.510038549551031908e-8};
  static constexpr std::array phi{4.999999999999999986e-1, 1.666666666666666666e-1, 4.166666666666706171e-2,
                                  8.33333333333335966e-3,  1.388888888870454897e-3, 1.984126984114699187e-4,
                                  2.480158761614541272e-5, 2.755731943362024282e-6, 2.755707663664272348e-7,
                                  2.505194670972162113e-8, 2.096295581597607574e-9, 1.611649651437154647e-10};
  static constexpr std::array logarithm{6.666666666666666415e-1, 4.000000000000803331e-1, 2.857142856723447744e-1,
                                        2.222222305524819669e-1, 1.818173708557953823e-1, 1.538888938432987032e-1,
                                        1.32092842571773478e-1,  1.361228324114453049e-1};
  static constexpr std::array wide_logarithm{6.666666666666666689e-1, 3.999999999999952251e-1, 2.857142857160009929e-1,
                                             2.222222219823677056e-1, 1.818181989796271438e-1, 1.538454396486054929e-1,
                                             1.333517863144925584e-1, 1.173427906130319746e-1, 1.084517839488001482e-1,
                                             7.492143795550767301e-2, 1.563057780092285045e-1};
  static constexpr std::array even_mixture{
      4.999999999999999999e-1, -2.499999999999999304e-1, 1.111111111110978105e-1, -4.722222222122581558e-2,
      1.96825396439103426e-2,  -8.124631683558440263e-3, 3.33553455612450817e-3,  -1.364720368995365954e-3,
      5.564431397265508682e-4, -2.236895810026514567e-4, 8.272295417303628095e-5, -2.090696433167176368e-5};
  static constexpr std::array log_cosh{5.0e-1,
                                       -8.333333333333333043e-2,
                                       2.222222222222166692e-2,
                                       -6.746031745990156333e-3,
                                       2.186948852003776135e-3,
                                       -7.38602923899334492e-4,
                                       2.565800362797370802e-4,
                                       -9.098447315658360894e-5,
                                       3.274585615519247356e-5,
                                       -1.181212166777812209e-5,
                                       4.001492415786775406e-6,
                                       -9.522942596270247516e-7};
};

/// ln 2 in two parts: n · high is exact for every |n| an exponent can take.
template <class T>
struct log2_parts;
template <>
struct log2_parts<float> {
  static constexpr float high = 0.693359375f, low = -2.12194440e-4f;
};
template <>
struct log2_parts<double> {
  static constexpr double high = 6.93147180369123816490e-01, low = 1.90821492927058770002e-10;
};

/// Σ c_i x^i from term I on. Pairs first, then a short chain: the length of Horner's chain, not the number of
/// operations, is what limits a loop. Recursion, because -O2 leaves loops as they are.
template <std::size_t I = 0, class V, std::size_t N>
DISTILL_HD DISTILL_INLINE V paired(const std::array<lane_scalar<V>, N>& c, V x, V square) {
  if constexpr (I + 1 == N)
    return V(c[I]);
  else if constexpr (I + 2 == N)
    return lane<V>::fma(V(c[I + 1]), x, V(c[I]));
  else
    return lane<V>::fma(paired<I + 2>(c, x, square), square, lane<V>::fma(V(c[I + 1]), x, V(c[I])));
}
template <class V, std::size_t N>
DISTILL_HD DISTILL_INLINE V paired(const std::array<lane_scalar<V>, N>& c, V x) {
  return paired(c, x, x * x);
}

template <std::size_t I = 0, class V, std::size_t N>
DISTILL_HD DISTILL_INLINE V horner(const std::array<lane_scalar<V>, N>& c, V x) {
  if constexpr (I + 1 == N)
    return V(c[I]);
  else
    return lane<V>::fma(horner<I + 1>(c, x), x, V(c[I]));
}

/// log(1 + r) for 1 + r in [√½, √2], plus exponent · ln 2. With s = r/(2+r): log(1+r) = r - (r²/2 - s (r²/2 + s²
/// P(s²))).
template <class V>
DISTILL_HD DISTILL_INLINE V log_reduced(V r, V exponent) {
  using T = lane_scalar<V>;
  const V s = r / (V(T(2)) + r);
  const V z = s * s;
  const V half_square = V(T(0.5)) * r * r;
  const V tail = z * horner(polynomials<T>::logarithm, z);
  const V low = lane<V>::fma(s, half_square + tail, exponent * V(log2_parts<T>::low));
  return lane<V>::fma(exponent, V(log2_parts<T>::high), r - (half_square - low));
}

/// The exponent that a field of it, already shifted down, stands for.
template <class V>
DISTILL_HD DISTILL_INLINE V exponent_of(typename lane<V>::bits field) {
  using T = lane_scalar<V>;
  using B = typename lane<T>::bits;
  constexpr T magic = static_cast<T>(B(1) << lane<V>::mantissa_bits);  // its last mantissa bit is worth 1
  return lane<V>::from_bits(field | typename lane<V>::bits(std::bit_cast<B>(magic))) -
         V(magic + static_cast<T>(lane<V>::exponent_bias));
}

/// Splits a positive normal u into 2^exponent · fraction with the fraction in [√½, √2).
template <class V>
struct split {
  V exponent, fraction;
  DISTILL_HD DISTILL_INLINE explicit split(V u) {
    using T = lane_scalar<V>;
    using B = typename lane<T>::bits;
    using bits = typename lane<V>::bits;
    constexpr int m = lane<V>::mantissa_bits;
    constexpr B sqrt_half = std::bit_cast<B>(static_cast<T>(std::numbers::sqrt2 / 2));
    constexpr B one = std::bit_cast<B>(T(1));
    const bits offset = lane<V>::to_bits(u) + bits(B(one - sqrt_half));
    exponent = exponent_of<V>(offset >> m);
    fraction = lane<V>::from_bits((offset & bits(B((B(1) << m) - 1))) + bits(sqrt_half));
  }
};

}  // namespace detail

/// e^(x · scale) for scale > 0 and x · scale <= 60; exactly 0 where x · scale is below -87.3 (float) or -708.3 (double)
/// and the result would leave the normal range, and at x = -inf: a masked class keeps no mass. NaN stays NaN. 1.1 ULP:
/// with fused multiply-add the product is not rounded on its own. Without: 2 ULP + |x · scale|/2. scale in [1e-30,
/// 1e30] for float, [1e-300, 1e300] for double.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V exp_scaled(V x, V scale) {
  using T = lane_scalar<V>;
  using B = typename lane<T>::bits;
  // Adding 1.5·2^m rounds to an integer n; with the exponent bias added too, the last bits of the sum are those of the
  // exponent field of 2^n.
  constexpr T magic = static_cast<T>(B(3) << (lane<V>::mantissa_bits - 1)) + static_cast<T>(lane<V>::exponent_bias);
  constexpr T underflow = sizeof(T) == 4 ? T(-87.3) : T(-708.3);
  const V one(T(1));
  const V shifted = lane<V>::fma(x, scale * V(std::numbers::log2e_v<T>), V(magic));
  const V n = shifted - V(magic);
  V r = lane<V>::fma(x, scale, n * V(-detail::log2_parts<T>::high));
  r = lane<V>::fma(n, V(-detail::log2_parts<T>::low), r);
  const V fraction = one + lane<V>::fma(detail::paired(detail::polynomials<T>::exponential, r), r * r, r);
  return lane<V>::scaled(x < V(underflow) / scale, fraction, n, shifted);
}

/// e^x for x <= 0, with the same edges. 1.1 ULP / 2 ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V exp_nonpositive(V x) {
  return exp_scaled(x, V(lane_scalar<V>(1)));
}

/// φ(x) = e^x - 1 - x for |x| <= ½, with full relative accuracy down to φ(x) = x²/2. 3 ULP / 3 ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V phi_small(V x) {
  return x * x * detail::paired(detail::polynomials<lane_scalar<V>>::phi, x);
}

/// e^x - 1 for x <= 0, with full relative accuracy near 0. 2 ULP / 3 ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V expm1_nonpositive(V x) {
  using T = lane_scalar<V>;
  return lane<V>::select(V(T(-0.5)) < x, x + phi_small(x), exp_nonpositive(x) - V(T(1)));
}

/// e^x for any x: 0 below -87.3 / -708.3, +inf above 87.3 / 708.3. 2 ULP / 3 ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V exp_any(V x) {
  using T = lane_scalar<V>;
  const V decayed = exp_nonpositive(V(T(0)) - lane<V>::abs(x));
  return lane<V>::select(V(T(0)) < x, V(T(1)) / decayed, decayed);
}

/// e^x - 1 for any x, with full relative accuracy near 0. 3 ULP / 4 ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V expm1_any(V x) {
  using T = lane_scalar<V>;
  return lane<V>::select(lane<V>::abs(x) < V(T(0.5)), x + phi_small(x), exp_any(x) - V(T(1)));
}

// The logarithms have names of their own: an unqualified log(batch) would find xsimd's by its argument.

/// log(1 + x) for x > -1; -inf at -1, NaN below, +inf at +inf. 2 ULP / 3 ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V natural_log1p(V x) {
  using T = lane_scalar<V>;
  const V one(T(1));
  const V u = one + x;
  const detail::split<V> parts(u);
  // u lost the last bits of x; near 0 take x itself, elsewhere add back what the rounding took.
  const V lost = (x - (u - one)) / u;
  const V r = lane<V>::select(parts.exponent == V(T(0)), x, (parts.fraction - one) + lost * parts.fraction);
  V result = detail::log_reduced(r, parts.exponent);
  const V infinity(std::numeric_limits<T>::infinity());
  result = lane<V>::select(u == V(T(0)), V(T(0)) - infinity, result);
  result = lane<V>::select(u == infinity, infinity, result);
  return lane<V>::select(u < V(T(0)), V(std::numeric_limits<T>::quiet_NaN()), result);
}

/// What a divergence from a mixture asks of one side: log(m/p), and p φ(log(m/p)) = (m - p) - p log(m/p) >= 0.
template <lane_type V>
struct mass_comparison {
  V log_ratio, term;
};

/// Of masses p, m in [0, 1] and m - p with its own digits. With n = log2(m/p) rounded, the masses m and p 2^n are near:
/// log(m/p) = n log 2 + 2s + s³ Q(s²) with s = (m - p 2^n)/(m + p 2^n), |s| <= 0.2004. Where n = 0, s keeps the digits
/// of m - p, and the term is s ((m - p) - p s² Q). log_ratio is finite also for p = 0, where nobody may read it; m is
/// at least a share of p. 3 ULP, the term 24: its two halves cancel at m/p = 3/4, where n changes.
template <lane_type V>
DISTILL_HD DISTILL_INLINE mass_comparison<V> compare_masses(V p, V m, V difference) {
  using T = lane_scalar<V>;
  using B = typename lane<T>::bits;
  using bits = typename lane<V>::bits;
  constexpr int digits = lane<V>::mantissa_bits;
  constexpr B bias = static_cast<B>(lane<V>::exponent_bias);
  // The bits of a number, read as an integer, are its logarithm to within 0.09.
  const bits biased =
      (lane<V>::to_bits(m) - lane<V>::to_bits(p) + bits((bias << digits) + (B(1) << (digits - 1)))) >> digits;
  const V n = detail::exponent_of<V>(biased);
  const V near_m = p * lane<V>::from_bits(biased << digits);
  const auto close = n == V(T(0));
  const V whole = lane<V>::max(m + near_m, V(std::numeric_limits<T>::min()));  // 0 where neither side has the class
  const V s = lane<V>::select(close, difference, m - near_m) / whole;
  const V z = s * s;
  const V tail = z * detail::horner(detail::polynomials<T>::logarithm, z);
  mass_comparison<V> result;
  result.log_ratio = lane<V>::fma(n, V(std::numbers::ln2_v<T>), lane<V>::fma(s, tail, s + s));
  const V minus_p = V(T(0)) - p;
  result.term = lane<V>::select(close, s * lane<V>::fma(minus_p, tail, difference),
                                lane<V>::fma(minus_p, result.log_ratio, difference));
  return result;
}

/// log((1 + s)/(1 - s)) for |s| <= 1/3: the logarithm of a ratio x/y of at most 2, s = (x - y)/(x + y), with full
/// relative accuracy near 0. 2 ULP / 3 ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V log_ratio(V s) {
  using T = lane_scalar<V>;
  const V z = s * s;
  return lane<V>::fma(s * z, detail::paired(detail::polynomials<T>::wide_logarithm, z), s + s);
}

/// h tanh h - log cosh h for |h| <= ½: the Jensen–Shannon term of two masses e^h and e^-h over their mean. 3 ULP / 3
/// ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V even_mixture_small(V h) {
  const V z = h * h;
  return z * detail::paired(detail::polynomials<lane_scalar<V>>::even_mixture, z);
}

/// log cosh h for |h| <= ½, with full relative accuracy near 0. 3 ULP / 3 ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V log_cosh_small(V h) {
  const V z = h * h;
  return z * detail::paired(detail::polynomials<lane_scalar<V>>::log_cosh, z);
}

/// log(x) for x >= 0, subnormal x included; -inf at 0, NaN below 0, +inf at +inf. 1 ULP / 2 ULP.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V natural_log(V x) {
  using T = lane_scalar<V>;
  const V zero(T(0)), infinity(std::numeric_limits<T>::infinity());
  constexpr T up = static_cast<T>(std::uint64_t(1) << (lane<V>::mantissa_bits + 1));
  const auto subnormal = x < V(std::numeric_limits<T>::min());
  const detail::split<V> parts(lane<V>::select(subnormal, x * V(up), x));
  const V exponent =
      lane<V>::select(subnormal, parts.exponent - V(static_cast<T>(lane<V>::mantissa_bits + 1)), parts.exponent);
  V result = detail::log_reduced(parts.fraction - V(T(1)), exponent);
  result = lane<V>::select(x == zero, zero - infinity, result);
  result = lane<V>::select(x == infinity, infinity, result);
  result = lane<V>::select(x < zero, V(std::numeric_limits<T>::quiet_NaN()), result);
  return lane<V>::select(x == x, result, x);
}

/// a · b where a = 0 wins over an infinite b: zero mass contributes nothing.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V mass_times(V a, V b) {
  const V zero(lane_scalar<V>(0));
  return lane<V>::select(a == zero, zero, a * b);
}

/// a / b where a = 0 wins over b = 0.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V mass_over(V a, V b) {
  const V zero(lane_scalar<V>(0));
  return lane<V>::select(a == zero, zero, a / b);
}

/// a - b, and 0 where both are -inf: what is masked on both sides is equal.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V difference_of(V a, V b) {
  return lane<V>::select(a == b, V(lane_scalar<V>(0)), a - b);
}

/// 1 above 0, -1 below, a constant for dual numbers (dual.hpp); 0 and NaN stay what they are.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V sign_of(V x) {
  using T = lane_scalar<V>;
  const V zero(T(0));
  return lane<V>::select(zero < x, V(T(1)), lane<V>::select(x < zero, V(T(-1)), x));
}

DISTILL_NAMESPACE_END
