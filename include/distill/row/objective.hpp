// What a row objective is. Nothing here runs a loop; engines do.
#pragma once

#include <array>
#include <concepts>
#include <span>
#include <string_view>

#include "../config.hpp"
#include "../core/lane.hpp"
#include "element.hpp"
#include "parameter.hpp"
#include "site.hpp"

DISTILL_NAMESPACE_BEGIN

/// Whether a tempered objective is multiplied by T², which keeps its gradient's size independent of T (Hinton et al.
/// 2015, arXiv 1503.02531, §2.1), so that a mix with a hard-label loss means the same at every temperature.
enum class temperature_scaling { squared, none };

/// Facts about an objective that tests, tables and bindings read: `static constexpr objective_info info{...}`.
struct objective_info {
  std::string_view name;     ///< as users write it
  std::string_view formula;  ///< the value of one row
  std::string_view source;   ///< paper and equation
  bool uses_teacher = true;
  bool uses_labels = false;
  bool nonnegative = true;       ///< value >= 0 for every input
  bool zero_at_equality = true;  ///< value = 0 and gradient = 0 when z_s = z_t
  bool symmetric = false;        ///< with default parameters, swapping student and teacher leaves the value
};

/// The numbers of a row that a separable objective may want before the sweep over the classes.
struct row_scalars {
  index row = 0;
  index columns = 0;
};

/// A scalar function F of the K sums over the classes, and ∂F/∂sum.
template <int K>
struct folded {
  double value = 0;
  std::array<double, K> partial{};
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
///   folded<K> fold(std::array<double, K>) const;           F(sums); default: the one sum itself
///   static constexpr bool reads_log_probabilities = true;  fills element::log_s and log_t
///   O bind(row_scalars) const;                             a copy with this row's parameters filled in
///   site_pair sites() const;                               other rows than student / teacher at `temperature`
///   void validate(index rows) const;                       throws argument_error for bad parameters
template <class O>
concept separable = row_leaf_basics<O> && requires(const O o, const element<float>& x) {
  { o(x) } -> std::same_as<terms<float, detail::sums_of<O>()>>;
};

/// No sum over the classes besides log-sum-exps of the student's site: the gradient is mass · p_s + spread on every
/// kept class + a patch on a few columns. The engine multiplies by the temperature factors; all numbers are with
/// respect to the tempered row.
struct closed_form {
  double value = 0;
  double mass = 0;          ///< coefficient of p_s in the gradient
  double spread = 0;        ///< added to every class with a finite logit
  index patch_column = -1;  ///< a class with a term of its own (the label), or -1
  double patch = 0;         ///< added there
};

/// What a statistic objective sees of a row.
struct row_statistics {
  index label = -1;
  index columns = 0;
  index kept = 0;          ///< classes with a logit above -inf; only filled in when the objective `needs_mean`
  double mean_log_p = 0;   ///< mean of log p_s over the kept classes; likewise
  double label_log_p = 0;  ///< log p_s at the label; 0 when there is none
};

/// Optional members: bool needs_mean() const; bool counts(index label) const (false: the row does not take part);
/// void validate(index rows) const; void validate_label(index row, index label, index columns) const.
template <class O>
concept statistic = row_leaf_basics<O> && requires(const O o, const row_statistics& row) {
  { o.evaluate(row) } -> std::same_as<closed_form>;
};

/// A single objective, as opposed to an expression of several. (A third kind, ordered rows with scans, joins here.)
template <class O>
concept row_leaf = separable<O> || statistic<O>;

DISTILL_NAMESPACE_END
