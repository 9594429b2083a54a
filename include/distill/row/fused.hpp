// The fused sweep's inner step: one batch of elements of one leaf. Lanes are classes of one row in the row kernel, rows
// of one class in the short-row kernel; the step is the same.
#pragma once

#include <array>

#include "../config.hpp"
#include "../core/simd.hpp"
#include "objective.hpp"
#include "plan.hpp"
#include "sweeps.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// What the sweep needs of a separable leaf, for the row or the rows in its lanes.
template <class T, class Reader>
struct leaf_lanes {
  using V = simd<T>;
  bool active = false;
  bool one_scale = true;
  const T *kept_s = nullptr, *kept_t = nullptr;
  Reader z_s, z_t;
  V inverse_s = V(T(0)), inverse_t = V(T(0));        // 1 / Σ exp
  V scale_s = V(T(1)), scale_t = V(T(1));            // 1 / T
  V offset = V(T(0)), offset_rest = V(T(0));         // d = z_s·scale_s - z_t·scale_t - (offset + offset_rest)
  V log_offset_s = V(T(0)), log_offset_t = V(T(0));  // log p = z·scale - log_offset; only for leaves that read it

  DISTILL_INLINE void enter(index block) {
    z_s.enter(block);
    z_t.enter(block);
  }
  template <class L, bool Plain>
  DISTILL_INLINE element<V> at(index i) const {
    const V s = z_s.load(i), t = z_t.load(i), zero(T(0));
    element<V> x;
    x.p_s = V::load_aligned(kept_s + i) * inverse_s;
    x.p_t = V::load_aligned(kept_t + i) * inverse_t;
    if (Plain || one_scale) {
      // Equal logits differ by 0, masked ones (-inf - -inf) included.
      x.d = lane<V>::fma(lane<V>::select(s == t, zero, s - t), scale_s, zero - offset) - offset_rest;
    } else {
      const V masked(-std::numeric_limits<T>::infinity());
      const V difference = lane<V>::fma(s, scale_s, zero - t * scale_t) - offset;
      x.d = lane<V>::select(lane<V>::max(s, t) == masked, zero, difference) - offset_rest;
    }
    if constexpr (reads_log_probabilities<L>) {
      x.log_s = lane<V>::fma(s, scale_s, zero - log_offset_s);
      x.log_t = lane<V>::fma(t, scale_t, zero - log_offset_t);
    }
    return x;
  }
};

/// max_s·scale_s - max_t·scale_t. Of equal rows it is exactly 0 only as written: a compiler may contract the difference
/// of the two products into one that keeps the rounding error of the other.
inline double peak_difference(double max_s, double scale_s, double max_t, double scale_t) {
  return scale_s == scale_t ? (max_s - max_t) * scale_s : max_s * scale_s - max_t * scale_t;
}

/// The most sums a separable objective may fold.
inline constexpr int largest_fold = 4;

/// One leaf's sums over the classes: the term of each of its K sums, and the slopes folded to one each.
template <int K, class Number>
struct leaf_sums {
  std::array<Number, static_cast<std::size_t>(K)> term;
  Number to_student, to_teacher;

  leaf_sums() = default;
  DISTILL_INLINE explicit leaf_sums(Number zero) : to_student(zero), to_teacher(zero) { term.fill(zero); }
};

/// Where the slopes go and with which weights.
template <class T, int Leaves>
struct slope_targets {
  using V = simd<T>;
  using weights = std::array<std::array<V, input_count>, static_cast<std::size_t>(Leaves)>;
  std::array<bool, input_count> wanted{};
  std::array<T*, input_count> slopes{};
  weights to_student{}, to_teacher{};
  std::array<std::array<double, largest_fold>, static_cast<std::size_t>(Leaves)> partial{};
  std::array<bool, static_cast<std::size_t>(Leaves)> crossed{};
};

/// Whether a leaf's value is a function of its sums rather than their one sum itself.
template <class L>
inline constexpr bool folds = requires(const L leaf,
                                       const std::array<double, static_cast<std::size_t>(sums_of<L>())> sums) {
  leaf.fold(sums);
};

/// Whether a leaf wants a copy of itself for every row.
template <class L>
inline constexpr bool binds = requires(const L leaf, const row_scalars row) {
  leaf.bind(row);
};

/// What the leaves of a sum ask of a kernel, known at compile time.
template <class Sum>
struct leaf_kinds;
template <class... Ls>
struct leaf_kinds<weighted_sum<Ls...>> {
  static constexpr bool any_separable = (... || separable<Ls>);
  static constexpr bool any_fold = (... || folds<Ls>);
  static constexpr bool any_bound = (... || binds<Ls>);
};

/// What a sweep collects. The plain sweep is the usual case with nothing left to decide inside the loop: the gradient
/// to the student alone, every leaf active, of one scale and with a weight.
enum class sweep_kind { values, plain, general };

/// Adds one batch of elements of leaf I to its sums and its weighted slopes to the gradient.
template <sweep_kind Kind, std::size_t I, class T, separable L, class Lanes, class Sums, int Leaves>
DISTILL_INLINE void fused_step(const L& leaf, const Lanes& row, const slope_targets<T, Leaves>& target, index i,
                               Sums& part, simd<T>& to_s, simd<T>& to_t) {
  using V = simd<T>;
  constexpr int K = sums_of<L>();
  constexpr bool plain = Kind == sweep_kind::plain, slopes = Kind != sweep_kind::values;
  const terms<V, K> answer = leaf(row.template at<L, plain>(i));
  V slope_s(T(0)), slope_t(T(0));
  for (std::size_t k = 0; k < static_cast<std::size_t>(K); ++k) {
    part.term[k] = part.term[k] + answer.term[k];
    if constexpr (slopes) {
      if constexpr (folds<L>) {
        const V partial(static_cast<T>(target.partial[I][k]));
        slope_s = lane<V>::fma(partial, answer.to_student[k], slope_s);
        slope_t = lane<V>::fma(partial, answer.to_teacher[k], slope_t);
      } else {
        slope_s = answer.to_student[0];
        slope_t = answer.to_teacher[0];
      }
    }
  }
  if constexpr (slopes) {
    part.to_student = part.to_student + slope_s;
    if constexpr (plain) {
      to_s = lane<V>::fma(target.to_student[I][0], slope_s, to_s);
      return;
    }
    if (target.wanted[1] || target.crossed[I]) part.to_teacher = part.to_teacher + slope_t;
    // A weight of 0 (a term that is only watched, a detached input) wins over an infinite slope.
    if (target.wanted[0]) to_s = to_s + mass_times(target.to_student[I][0], slope_s);
    if (target.wanted[1]) to_t = to_t + mass_times(target.to_teacher[I][1], slope_t);
    if (target.crossed[I]) {  // a mixed row: the teacher's slope reaches the student too, or the other way round
      to_s = to_s + mass_times(target.to_teacher[I][0], slope_t);
      to_t = to_t + mass_times(target.to_student[I][1], slope_s);
    }
  }
}

}  // namespace detail
DISTILL_NAMESPACE_END
