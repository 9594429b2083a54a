// The fused sweep's inner step: one batch of elements of one leaf. Lanes are classes of one row in the row kernel, rows
// of one class in the short-row kernel; the step is the same.
#pragma once

#include <array>
#include <limits>

#include "../config.hpp"
#include "../core/simd.hpp"
#include "combine.hpp"
#include "objective.hpp"
#include "plan.hpp"
#include "sweeps.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// What the sweep needs of a leaf that compares two rows, for the row or the rows in its lanes.
template <class T, class Reader>
struct leaf_lanes {
  using V = simd<T>;
  bool active = false;
  bool one_scale = true;
  const T *kept_s = nullptr, *kept_t = nullptr;
  Reader z_s, z_t;
  V inverse_s = V(T(0)), inverse_t = V(T(0));  // 1 / Σ exp
  V scale_s = V(T(1)), scale_t = V(T(1));      // 1 / T
  V offset = V(T(0)), offset_rest = V(T(0));   // d = (z_s - z_t)·scale_s - (offset + offset_rest)
  V centre_t = V(T(0)), excess = V(T(0));      // + (z_t - centre_t)·excess, excess = scale_s - scale_t
  V centre_s = V(T(0));                        // the rows' maxima, where moments are measured from
  V log_sum_s = V(T(0)), log_sum_t = V(T(0));  // log p = (z - centre)·scale - log_sum; for leaves that read it

  DISTILL_INLINE void enter(index block) {
    z_s.enter(block);
    z_t.enter(block);
  }

  /// d at two different scales: what one scale leaves to say is small where the scales are near. Classes without
  /// teacher mass, masked ones among them, take the plain form, which cannot meet inf - inf.
  DISTILL_INLINE V two_scales(V s, V t, const element<V>& one) const {
    const V zero(T(0)), masked(-std::numeric_limits<T>::infinity());
    const V near = lane<V>::fma(t - centre_t, excess, one.d);
    const V plain = lane<V>::fma(s, scale_s, zero - t * scale_t) - centre_t * excess - offset;
    const V far = lane<V>::select(lane<V>::max(s, t) == masked, zero, plain);
    return lane<V>::select(one.p_t == zero, far, near);
  }

  template <class L, bool Plain>
  DISTILL_INLINE auto at(index i) const {
    const V s = z_s.load(i), t = z_t.load(i), zero(T(0));
    if constexpr (elementwise<L>) {
      const V masked(-std::numeric_limits<T>::infinity());
      const auto absent = lane<V>::max(s, t) == masked;
      logit_pair<V> x;
      x.difference = difference_of(s, t) * scale_s;
      x.student = lane<V>::select(absent, zero, s * scale_s);
      x.teacher = lane<V>::select(absent, zero, t * scale_t);
      if constexpr (!Plain)
        if (!one_scale) x.difference = x.student - x.teacher;
      x.present = lane<V>::select(absent, zero, V(T(1)));
      return x;
    } else {
      element<V> x;
      x.p_s = V::load_aligned(kept_s + i) * inverse_s;
      x.p_t = V::load_aligned(kept_t + i) * inverse_t;
      x.d = lane<V>::fma(difference_of(s, t), scale_s, zero - offset) - offset_rest;
      if constexpr (!Plain)
        if (!one_scale) x.d = two_scales(s, t, x);
      if constexpr (reads_log_probabilities<L>) {
        x.log_s = lane<V>::fma(s - centre_s, scale_s, zero - log_sum_s);
        x.log_t = lane<V>::fma(t - centre_t, scale_t, zero - log_sum_t);
      }
      return x;
    }
  }
};

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

/// Where the slopes go and with which weights: weight[leaf][role][input].
template <class T, int Leaves>
struct slope_targets {
  using V = simd<T>;
  template <class Number>
  using table = std::array<std::array<std::array<Number, input_count>, 2>, static_cast<std::size_t>(Leaves)>;
  std::array<bool, input_count> wanted{};
  std::array<T*, input_count> slopes{};
  table<V> weight{};
  table<bool> feeds{};  // a weight other than 0
  std::array<std::array<wide<T>, largest_fold>, static_cast<std::size_t>(Leaves)> partial{};
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

/// Whether the fused sweep visits a leaf.
template <class L>
concept compares_rows = separable<L> || elementwise<L>;

/// Whether a leaf is handed the whole row.
template <class L>
concept sees_whole_row = ordered<L> || ordered_scores<L>;

/// What the leaves of a sum ask of a kernel, known at compile time.
template <class Sum>
struct leaf_kinds;
template <class... Ls>
struct leaf_kinds<weighted_sum<Ls...>> {
  static constexpr bool any_swept = (... || compares_rows<Ls>);
  static constexpr bool any_of_logits = (... || (elementwise<Ls> || ordered_scores<Ls>));
  static constexpr bool any_stored = (... || stored<Ls>);
  static constexpr int ordered_leaves = (0 + ... + (sees_whole_row<Ls> ? 1 : 0));
  static constexpr bool any_fold = (... || folds<Ls>);
  static constexpr bool any_bound = (... || binds<Ls>);
  static constexpr bool any_group = (... || leads_group<Ls>);
  /// A group weighs its leaves by their values: those that are sums over the classes must be known before.
  static constexpr bool swept_group = (... || ((leads_group<Ls> || follows_leader<Ls>)&&compares_rows<Ls>));
};

/// What a sweep collects. The plain sweep is the usual case with nothing left to decide inside the loop: the gradient
/// to the student alone, every leaf active, of one scale and with a weight. Moments are Σ slope · (z - max), which the
/// gradients to a temperature and through a standardised row are made of.
enum class sweep_kind { values, plain, general, moments };

/// Adds one batch of elements of leaf I to its sums and its weighted slopes to the gradient rows `to`.
template <sweep_kind Kind, std::size_t I, class T, compares_rows L, class Lanes, class Sums, int Leaves>
DISTILL_INLINE void fused_step(const L& leaf, const Lanes& row, const slope_targets<T, Leaves>& target, index i,
                               Sums& part, std::array<simd<T>, input_count>& to) {
  using V = simd<T>;
  constexpr int K = sums_of<L>();
  constexpr bool plain = Kind == sweep_kind::plain, slopes = Kind != sweep_kind::values;
  const terms<V, K> answer = leaf(row.template at<L, plain>(i));
  V slope_s(T(0)), slope_t(T(0));
  for (std::size_t k = 0; k < static_cast<std::size_t>(K); ++k) {
    if constexpr (Kind != sweep_kind::moments) part.term[k] = part.term[k] + answer.term[k];
    if constexpr (slopes) {
      if constexpr (folds<L>) {
        const V partial(static_cast<T>(target.partial[I][k]));
        slope_s = slope_s + mass_times(partial, answer.to_student[k]);  // a sum that does not matter may be infinite
        slope_t = slope_t + mass_times(partial, answer.to_teacher[k]);
      } else {
        slope_s = answer.to_student[0];
        slope_t = answer.to_teacher[0];
      }
    }
  }
  if constexpr (Kind == sweep_kind::moments) {
    part.to_student = part.to_student + mass_times(slope_s, row.z_s.load(i) - row.centre_s);
    part.to_teacher = part.to_teacher + mass_times(slope_t, row.z_t.load(i) - row.centre_t);
  } else if constexpr (slopes) {
    part.to_student = part.to_student + slope_s;
    if constexpr (plain) {
      to[0] = lane<V>::fma(target.weight[I][0][0], slope_s, to[0]);
      return;
    }
    part.to_teacher = part.to_teacher + slope_t;
    // A weight of 0 (a term that is only watched, a detached input) wins over an infinite slope.
    for (std::size_t o = 0; o < input_count; ++o) {
      if (target.feeds[I][0][o]) to[o] = lane<V>::fma(target.weight[I][0][o], slope_s, to[o]);
      if (target.feeds[I][1][o]) to[o] = lane<V>::fma(target.weight[I][1][o], slope_t, to[o]);
    }
  }
}

}  // namespace detail
DISTILL_NAMESPACE_END
