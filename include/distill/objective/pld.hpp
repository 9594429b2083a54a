#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "../core/math.hpp"
#include "../core/sums.hpp"
#include "../core/sweep.hpp"
#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/labels.hpp"

DISTILL_NAMESPACE_BEGIN

/// How much each position of an order counts in a Plackett–Luce loss over C classes.
enum class list_weights {
  teacher_mass,  ///< the teacher's probability of the class that is there: PLD
  uniform,       ///< 1/C: ListMLE
  exponential    ///< 2^(C-k) - 1 at position k, divided by their sum: p-ListMLE
};

/// Plackett–Luce distillation: the probability that the student draws the classes in the teacher's order π, every
/// position with a weight α. π_1 is the label (unless `label_first` is false), then the other classes by descending
/// teacher logit, ties by ascending class.
///   value     Σ_k α_k [LSE(s_π_k, …, s_π_C) - s_π_k] = Σ_k α_k log1p(E_{k+1}/e^{s_π_k}),  E_k = Σ_{j>=k} e^{s_π_j}
///   student   at π_k: e^{s_π_k} Σ_{j<k} α_j/E_j - α_k E_{k+1}/E_k
///   teacher   slope α_k log1p(E_{k+1}/e^{s_π_k}) for teacher_mass, 0 for the others: the order is constant
/// `temperature` is the teacher's alone; the student is at 1. With `head` = K > 0 only the first K positions have a
/// term: what is left out is at least 0 and at most (Σ_{k>K} α_k) (LSE of the classes behind - their smallest s), and a
/// selection takes the place of the sort. A position without weight has no term; a class masked for the student at a
/// position with weight: value +inf; masked on both sides it does not take part.
/// Rows with label `ignore_index` do not take part; other labels outside [0, columns) are an argument_error.
/// Source: Plackett–Luce distillation, arXiv 2506.12542, §4; ListMLE: Xia et al. 2008; p-ListMLE: Lan et al. 2014
struct pld {
  list_weights weights = list_weights::teacher_mass;
  bool label_first = true;
  index head = 0;
  index ignore_index = -100;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;

  static constexpr objective_info info{.name = "pld",
                                       .formula = "Σ_k α_k [LSE(s_π_k, …, s_π_C) − s_π_k], π label first, then by z_t",
                                       .source = "arXiv 2506.12542, §4",
                                       .gradient = "e^{s_π_k} Σ_{j<k} α_j/E_j − α_k E_{k+1}/E_k",
                                       .systems = "PLD, ListMLE, p-ListMLE",
                                       .uses_labels = true,
                                       .zero_at_equality = false,
                                       .smooth = false};

  void validate(index) const {
    if (head < 0) fail("pld: head is ", head, ", must not be negative");
  }
  bool needs_labels() const { return label_first; }
  bool counts(index label) const { return !label_first || label != ignore_index; }
  void validate_label(index row, index label, index columns) const {
    if (label_first) detail::require_label(row, label, columns, ignore_index);
  }
  site_pair sites() const {
    return {site{.row = row_mix::of(input::student), .temperature = 1, .own_temperature = true},
            site{row_mix::of(input::teacher), temperature}};
  }

  template <class T>
  wide<T> evaluate(const whole_row<T>& row) const {
    using std::isnan;
    using number = wide<T>;
    if (isnan(row.p_s[0]) || isnan(row.p_t[0])) return invalid(row);
    const order<T> pi = order_of(row);
    if (!weights_and_sums(row, pi)) {
      const std::optional<number> answer = over_doubles(row, pi);
      return answer ? *answer : over_logarithms(row, pi);
    }
    using V = simd<T>;
    T *const q = row.scratch.numbers[0], *const a = row.scratch.numbers[1], *const e = row.scratch.numbers[2],
             *const loss = row.scratch.numbers[3];
    const index whole = (pi.positions + lane<V>::width - 1) / lane<V>::width * lane<V>::width;
    for (index k = pi.positions; k < whole; ++k) q[k] = 1, a[k] = e[k] = 0;
    detail::sweep<T>(
        whole,
        [](const V& own, V& weight, V& behind, V& term) DISTILL_LAMBDA_INLINE {
          term = weight * natural_log1p(behind / own);
          weight = weight / (own + behind);
          behind = weight * behind;
        },
        static_cast<const T*>(q), a, e, loss);
    number before = 0;  // Σ_{j<k} α_j/E_j
    for (index k = 0; row.to_student && k < pi.positions; ++k) {
      row.to_student[pi.classes[k].column] =
          static_cast<T>(static_cast<number>(q[k]) * before - static_cast<number>(e[k]));
      before += static_cast<number>(a[k]);
    }
    for (index k = pi.positions; row.to_student && k < pi.size; ++k) {
      const index c = pi.classes[k].column;
      row.to_student[c] = static_cast<T>(static_cast<number>(row.p_s[c]) * before);
    }
    for (index k = 0; row.to_teacher && k < pi.size; ++k)
      row.to_teacher[pi.classes[k].column] = has_mass() && k < pi.positions ? loss[k] : T(0);
    return detail::sum(loss, whole);
  }

 private:
  bool has_mass() const { return weights == list_weights::teacher_mass; }

  /// The classes that take part, and how many positions have a term.
  template <class T>
  struct order {
    const ranked<T>* classes;
    index size, positions;
  };

  template <class T>
  static wide<T> invalid(const whole_row<T>& row) {
    for (T* to : {row.to_student, row.to_teacher})
      if (to) std::fill(to, to + row.columns, std::numeric_limits<T>::quiet_NaN());
    return std::numeric_limits<wide<T>>::quiet_NaN();
  }

  template <class T>
  order<T> order_of(const whole_row<T>& row) const {
    constexpr T masked = -std::numeric_limits<T>::infinity();
    ranked<T>* const classes = row.scratch.ranks[0];
    const index wanted = head == 0 ? row.columns : std::min(head, row.columns);
    sort_largest(row.z_t, row.columns, wanted, classes, row.scratch.ranks[1]);
    index size = wanted;
    while (size > 0 && classes[size - 1].value == masked) --size;
    for (index r = size; r < row.columns; ++r) {
      const ranked<T> each = classes[r];
      if (each.value == masked && row.z_s[each.column] == masked) {
        if (row.to_student) row.to_student[each.column] = 0;
        if (row.to_teacher) row.to_teacher[each.column] = 0;
      } else {
        classes[size++] = each;
      }
    }
    if (label_first) {
      const auto is_label = [&](const ranked<T>& each) { return each.column == row.label; };
      if (ranked<T>* const found = std::find_if(classes, classes + size, is_label); found != classes + size)
        std::rotate(classes, found, found + 1);
    }
    return {classes, size, std::min(wanted, size)};
  }

  double weight(index position, index size) const {
    if (weights == list_weights::uniform) return 1 / static_cast<double>(size);
    const auto power = [](index k) { return std::ldexp(1.0, static_cast<int>(-std::min<index>(k, 2000))); };
    const double all = 1 - power(size) * static_cast<double>(1 + size);
    return all == 0 ? 0 : (power(position + 1) - power(size)) / all;
  }

  /// In the order: p_s, α and Σ p_s behind. False where a probability is too small to divide by.
  template <class T>
  bool weights_and_sums(const whole_row<T>& row, const order<T>& pi) const {
    constexpr bool single = sizeof(lane_scalar<T>) == 4;
    constexpr T tiny = single ? T(1e-30) : T(1e-290);
    constexpr double least_rest = single ? 1e-20 : 1e-250;  // what it lacks by underflow does not matter
    T *const q = row.scratch.numbers[0], *const a = row.scratch.numbers[1], *const e = row.scratch.numbers[2];
    wide<T> behind = 0;
    for (index k = pi.size; k-- > pi.positions;) behind += static_cast<wide<T>>(row.p_s[pi.classes[k].column]);
    const bool usable = pi.size == pi.positions || behind >= least_rest;
    T least = 1;
    for (index k = pi.positions; k-- > 0;) {
      const index c = pi.classes[k].column;
      const T p = row.p_s[c];
      least = std::min(least, p);
      q[k] = p;
      e[k] = static_cast<T>(behind);
      a[k] = row.p_t[c];
      behind += static_cast<wide<T>>(p);
    }
    if (!has_mass())
      for (index k = 0; k < pi.positions; ++k) a[k] = static_cast<T>(weight(k, pi.size));
    return usable && least >= tiny;
  }

  /// All of it where exponentials leave the range of T, or a class is masked for the student alone; nothing where they
  /// leave the range of double as well.
  template <class T>
  std::optional<wide<T>> over_doubles(const whole_row<T>& row, const order<T>& pi) const {
    using number = wide<T>;
    using V = simd<number>;
    constexpr double infinity = std::numeric_limits<double>::infinity(), least_log = -660, least_rest = 1e-250;
    const T* const a = row.scratch.numbers[1];
    number *const p = row.scratch.wide[0], *const behind = row.scratch.wide[1];
    bool lost = false, rest_lost = false;
    for (index k = 0; k < pi.size; ++k) {
      p[k] = row.log_p_s(static_cast<wide<T>>(row.z_s[pi.classes[k].column]));
      const bool too_small = p[k] < least_log && p[k] > -infinity;
      lost |= too_small && k < pi.positions;
      rest_lost |= too_small && k >= pi.positions;
    }
    if (lost) return std::nullopt;
    detail::sweep<number>(
        pi.size, [](V& x) DISTILL_LAMBDA_INLINE { x = exp_nonpositive(x); }, p);
    number sum = 0;
    for (index k = pi.size; k-- > pi.positions;) sum += p[k];
    if (rest_lost && !(sum >= least_rest)) return std::nullopt;
    for (index k = pi.positions; k-- > 0;) {
      behind[k] = sum;
      sum += p[k];
    }
    number value = 0, before = 0;  // Σ_{j<k} α_j/E_j
    constexpr index run = 64;
    std::array<number, static_cast<std::size_t>(run)> loss;
    for (index begin = 0; begin < pi.positions; begin += run) {
      const index end = std::min(begin + run, pi.positions);
      const auto own_loss = [&](index k) -> number& { return loss[static_cast<std::size_t>(k - begin)]; };
      for (index k = begin; k < end; ++k) own_loss(k) = p[k] > 0 ? behind[k] / p[k] : number(0);
      detail::sweep<number>(
          end - begin, [](V& x) DISTILL_LAMBDA_INLINE { x = natural_log1p(x); }, loss.data());
      for (index k = begin; k < end; ++k) {
        const index c = pi.classes[k].column;
        const number weight = static_cast<number>(a[k]), all = p[k] + behind[k];
        const number share = weight > 0 && all > 0 ? weight / all : number(0);
        const number term = !(weight > 0) ? number(0) : p[k] > 0 ? weight * own_loss(k) : number(infinity);
        if (row.to_student) row.to_student[c] = static_cast<T>(p[k] * before - share * behind[k]);
        if (row.to_teacher) row.to_teacher[c] = has_mass() ? static_cast<T>(term) : T(0);
        before += share;
        value += term;
      }
    }
    for (index k = pi.positions; k < pi.size; ++k) {
      const index c = pi.classes[k].column;
      if (row.to_student) row.to_student[c] = static_cast<T>(p[k] * before);
      if (row.to_teacher) row.to_teacher[c] = 0;
    }
    return value;
  }

  /// The same where exponentials leave every range: sums of logarithms, in double.
  template <class T>
  wide<T> over_logarithms(const whole_row<T>& row, const order<T>& pi) const {
    using std::abs, std::exp, std::log, std::log1p;
    using number = wide<T>;
    constexpr number none = -std::numeric_limits<number>::infinity();
    const auto log_add = [&](number x, number y) {
      const bool ordered = x < y;
      const number top = ordered ? y : x, gap = (ordered ? x : y) - top;
      return top == none ? none : top + log1p(exp(gap));
    };
    const auto log_p = [&](index k) { return row.log_p_s(static_cast<wide<T>>(row.z_s[pi.classes[k].column])); };
    const T* const a = row.scratch.numbers[1];
    number* const behind = row.scratch.wide[0];  // log E_{k+1}
    number sum = none;
    for (index k = pi.size; k-- > 0;) {
      if (k < pi.positions) behind[k] = sum;
      sum = log_add(sum, log_p(k));
    }
    number value = 0, before = none;  // log Σ_{j<k} α_j/E_j
    for (index k = 0; k < pi.size; ++k) {
      const index c = pi.classes[k].column;
      const number own = log_p(k), weight = k < pi.positions ? static_cast<number>(a[k]) : number(0);
      number slope = own == none ? number(0) : exp(own + before), term = 0;
      if (weight > 0) {
        const number gap = behind[k] - own, decayed = exp(-abs(gap));
        if (own == none) {
          term = std::numeric_limits<number>::infinity();
          slope -= behind[k] == none ? number(0) : weight;
        } else {
          term = weight * ((gap < 0 ? number(0) : gap) + log1p(decayed));
          slope -= weight * (gap < 0 ? decayed : number(1)) / (1 + decayed);
        }
        if (const number all = log_add(behind[k], own); all > none) before = log_add(before, log(weight) - all);
      }
      value += term;
      if (row.to_student) row.to_student[c] = static_cast<T>(slope);
      if (row.to_teacher) row.to_teacher[c] = has_mass() ? static_cast<T>(term) : T(0);
    }
    return value;
  }
};

DISTILL_NAMESPACE_END
