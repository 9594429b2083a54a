// What a row objective is. Nothing here runs a loop; engines do.
#pragma once

#include <array>
#include <concepts>
#include <span>
#include <string_view>

#include "../config.hpp"
#include "../core/dual.hpp"
#include "../core/lane.hpp"
#include "../core/radix_sort.hpp"
#include "element.hpp"
#include "parameter.hpp"
#include "site.hpp"

DISTILL_NAMESPACE_BEGIN

/// Whether a tempered objective is multiplied by T², which keeps its gradient's size independent of T (Hinton et al.
/// 2015, arXiv 1503.02531, §2.1), so that a mix with a hard-label loss means the same at every temperature.
enum class temperature_scaling { squared, none };

/// Facts about an objective that tests, tables and bindings read: `static constexpr objective_info info{...}`.
struct objective_info {
  std::string_view name;        ///< as users write it
  std::string_view formula;     ///< the value of one row
  std::string_view source;      ///< paper and equation
  std::string_view gradient{};  ///< to the student; "projected" means slope_i - p_i Σ_j slope_j
  std::string_view systems{};   ///< published methods that use it
  bool uses_teacher = true;
  bool uses_labels = false;
  bool uses_stored = false;      ///< reads the stored teacher
  bool nonnegative = true;       ///< value >= 0 for every input
  bool zero_at_equality = true;  ///< value = 0 and gradient = 0 when z_s = z_t
  bool symmetric = false;        ///< with default parameters, swapping student and teacher leaves the value
  bool shift_invariant = true;   ///< a constant added to a row changes nothing, so gradients sum to 0
  bool whole_derivative = true;  ///< nothing is held constant on purpose: the gradient is the value's derivative
  bool smooth = true;            ///< differentiable wherever the value is finite
};

/// The numbers of a row that a separable objective may want before the sweep over the classes.
struct row_scalars {
  index row = 0;
  index columns = 0;
};

// Number, wherever it appears, is what is known of a row beyond its classes: double, and dual<double> in a call on dual
// numbers. Who is to be differentiated twice is a template over it.

/// A scalar function F of the K sums over the classes, or of K values, and its derivatives.
template <int K, class Number = double>
struct folded {
  Number value = 0;
  std::array<Number, K> partial{};
};

namespace detail {

template <class O>
consteval int sums_of() {
  if constexpr (requires { O::sums; })
    return O::sums;
  else
    return 1;
}

/// Whether the engine must provide element::log_s and log_t: two logarithms a row that most objectives can spare.
template <class O>
inline constexpr bool reads_log_probabilities = requires {
  requires O::reads_log_probabilities;
};

}  // namespace detail

/// Every leaf of an expression: metadata, a temperature, a check of its own parameters that throws argument_error.
template <class O>
concept row_leaf_basics = requires(const O o) {
  { O::info } -> std::convertible_to<objective_info>;
  { o.temperature } -> std::convertible_to<row_parameter>;
  { o.scaling } -> std::convertible_to<temperature_scaling>;
};

/// K sums over the classes and a function of them. The call operator takes an element of any lane and is branch-free
/// over it (a branch on the objective's own parameters is fine: it is the same for every class). Optional members:
///   static constexpr int sums = K;                         several sums; default 1
///   folded<K, Number> fold(std::array<Number, K>) const;   F(sums); default: the one sum itself
///   static constexpr bool reads_log_probabilities = true;  fills element::log_s and log_t
///   O bind(row_scalars) const;                             a copy with this row's parameters filled in
///   site_pair sites() const;                               other rows than student / teacher at `temperature`
///   void validate(index rows) const;                       throws argument_error for bad parameters
template <class O>
concept separable = row_leaf_basics<O> && requires(const O o, const element<float>& x) {
  { o(x) } -> std::same_as<terms<float, detail::sums_of<O>()>>;
};

/// The same over tempered logits, without a softmax: slopes are derivatives with respect to the logits themselves and
/// nothing is projected. Optional members as above.
template <class O>
concept elementwise = row_leaf_basics<O> && requires(const O o, const logit_pair<float>& x) {
  { o(x) } -> std::same_as<terms<float, detail::sums_of<O>()>>;
};

/// What a statistic objective sees of one of its sites.
template <class Number = double>
struct site_summary {
  Number top = 0;          ///< the largest logit; -inf where no class is left
  Number scale = 1;        ///< tempered = logit · scale
  Number top_log_p = 0;    ///< log p of the most probable class
  Number label_log_p = 0;  ///< log p at the label, or its log-odds where the site leaves the label out; 0 without label
  index kept = 0;          ///< classes that take part; this and the next only when the objective `needs_mean`
  Number mean_log_p = 0;   ///< mean of log p over them

  Number log_sum_exp() const { return top * scale - top_log_p; }  ///< of the tempered row
};

/// log(Σ exp over part / Σ exp over whole) of two sites of one row and temperature: the row's offset does not round.
template <class Number>
Number log_share(const site_summary<Number>& part, const site_summary<Number>& whole) {
  return (part.top - whole.top) * whole.scale + (whole.top_log_p - part.top_log_p);
}

/// What a statistic objective of N sites sees of a row.
template <int N, class Number = double>
struct row_statistics {
  index label = -1;
  index columns = 0;
  std::array<site_summary<Number>, N> site{};
};

/// No sum over the classes besides log-sum-exps: the gradient with respect to the tempered row of each of the N sites
/// is mass · p + spread on every kept class + a patch at the label. The engine multiplies by the temperature factors.
template <int N, class Number = double>
struct closed_form {
  Number value = 0;
  std::array<Number, N> mass{};    ///< coefficient of the site's probabilities
  std::array<Number, N> spread{};  ///< added to every class that is kept
  std::array<Number, N> patch{};   ///< added at the label
};

/// Memory for an objective that sees a whole row: sorted entries, numbers; all of them rows on cache lines of their own
/// with room for a batch behind the last column. `wide` lies where the last two of `ranks` do.
template <class T>
struct row_scratch {
  std::array<ranked<T>*, 3> ranks{};
  std::array<T*, 4> numbers{};
  std::array<distill::wide<T>*, 2> wide{};
};

/// log p of a logit: of what lies beyond the range of the exponentials.
template <class Number = double>
struct log_probability {
  Number top = 0, scale = 1, log_sum = 0;
  Number operator()(Number z) const { return (z - top) * scale - log_sum; }
};

/// What an ordered objective sees of a row: all of it, in memory.
template <class T>
struct whole_row {
  index columns = 0, padded = 0;                         ///< padded: to whole batches; behind `columns` p = 0
  index label = -1;                                      ///< -1 where the batch has none
  const T *d = nullptr, *p_s = nullptr, *p_t = nullptr;  ///< as in element
  const T *z_s = nullptr, *z_t = nullptr;                ///< logits: the order that probabilities may have lost
  log_probability<wide<T>> log_p_s{};                    ///< of the student's
  T *to_student = nullptr, *to_teacher = nullptr;        ///< slopes with respect to log p; null where not asked for
  row_scratch<T> scratch{};

  element<T> at(index c) const { return {d[c], p_s[c], p_t[c], T(0), T(0)}; }
};

/// What an objective over the order of scores sees: logits, -inf where masked. Tempered ones are u = z · scale; whoever
/// subtracts first keeps more digits.
template <class T>
struct score_row {
  index columns = 0, padded = 0;                   ///< padded: to whole batches; behind `columns` z = -inf
  index label = -1;                                ///< -1 where the batch has none
  const T *z_s = nullptr, *z_t = nullptr;          ///< on cache lines
  T scale_s = 1, scale_t = 1;                      ///< 1/T
  T *to_student = nullptr, *to_teacher = nullptr;  ///< slopes with respect to u; null where not asked for
  row_scratch<T> scratch{};
};

namespace detail {

/// The sites of a leaf: its own list, or the student's row (and the teacher's) at its temperature.
template <row_leaf_basics L>
constexpr auto sites_of(const L& leaf) {
  const site student{row_mix::of(input::student), leaf.temperature};
  const site teacher{row_mix::of(input::teacher), leaf.temperature};
  row_mix rest = student.row;
  rest.columns = {.which = kept_columns::rule::without_stored};
  if constexpr (requires { leaf.sites(); })
    return leaf.sites();
  else if constexpr (requires(const whole_row<float>& row) { leaf.evaluate(row); })
    return site_pair{student, teacher};
  else if constexpr (requires(const score_row<float>& row) { leaf.evaluate(row); })
    return site_pair{student, teacher};
  else if constexpr (separable<L> || elementwise<L>)
    return site_pair{student, teacher};
  else if constexpr (requires { leaf.reads_rest(); })
    return leaf.reads_rest() ? site_pair{student, {rest, leaf.temperature}} : site_pair{student, student};
  else
    return std::array{student};
}
template <class L>
inline constexpr int sites_per = static_cast<int>(std::tuple_size_v<decltype(sites_of(std::declval<const L&>()))>);

}  // namespace detail

/// Optional members: std::array<site, N> sites() const (default: the student at `temperature`); bool needs_mean()
/// const; bool counts(index label) const (false: the row does not take part); void validate(index rows) const; void
/// validate_label(index row, index label, index columns) const.
template <class O>
concept statistic = row_leaf_basics<O> && requires(const O o, const row_statistics<detail::sites_per<O>>& row) {
  { o.evaluate(row) } -> std::same_as<closed_form<detail::sites_per<O>>>;
};

/// Needs the classes in an order: sorts, scans, compares pairs. Returns its value as wide<T>, and writes the slope of
/// every class on each side that asks for slopes. Two sites as a separable objective; optional members likewise, and
/// counts, validate_label of a statistic one with
///   bool needs_labels() const;                             whether a batch without labels is an error; default: true
///                                                          for who has one of those two members
template <class O>
concept ordered = row_leaf_basics<O> && requires(const O o, const whole_row<float>& row) {
  { o.evaluate(row) } -> std::same_as<double>;
};

/// The same over tempered logits, without a softmax: slopes are derivatives with respect to the logits themselves and
/// nothing is projected.
template <class O>
concept ordered_scores = row_leaf_basics<O> && requires(const O o, const score_row<float>& row) {
  { o.evaluate(row) } -> std::same_as<double>;
};

/// What an objective over a stored teacher sees of a row: its classes' log-probabilities, in double.
template <class Number = double>
struct stored_row {
  std::span<const double> log_t;  ///< as stored
  std::span<const Number> log_s;  ///< the student's, in its whole softmax
  Number log_rest_s = 0;          ///< the student's mass on all other classes; -inf where there is none
  std::span<Number> slopes;       ///< ∂/∂u at each class, besides what mass and rest_mass say; to be written
};
/// Gradient with respect to the tempered row: mass · p + rest_mass · (softmax of the other classes) + slopes.
template <class Number = double>
struct stored_form {
  Number value = 0, mass = 0, rest_mass = 0;
};
/// Compares the student with a teacher of which only some classes are known. Sites: the student's row, and the row over
/// the other classes where the objective asks for it.
template <class O>
concept stored = row_leaf_basics<O> && requires(const O o, const stored_row<>& row) {
  { o.evaluate(row) } -> std::same_as<stored_form<>>;
  { o.reads_rest() } -> std::same_as<bool>;
};

/// A single objective, as opposed to an expression of several.
template <class O>
concept row_leaf = separable<O> || elementwise<O> || statistic<O> || ordered<O> || ordered_scores<O> || stored<O>;

DISTILL_NAMESPACE_END
