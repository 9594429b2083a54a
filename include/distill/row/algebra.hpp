// 0.9 * kl{.temperature = 4} + 0.1 * cross_entropy{} is again a row objective: one type, evaluated in one fused pass.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "../config.hpp"
#include "objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// weight · leaf. The weight is a number or one number a row.
template <row_leaf L>
struct weighted {
  row_parameter weight;
  L leaf;
};

namespace detail {

// A flat pack of named slots: std::tuple would need a compiler flag in device code.
template <std::size_t I, class L>
struct slot {
  weighted<L> item;
};
template <class Indices, class... Ls>
struct slots;
template <std::size_t... I, class... Ls>
struct slots<std::index_sequence<I...>, Ls...> : slot<I, Ls>... {};

template <std::size_t I, class L>
constexpr const weighted<L>& item_at(const slot<I, L>& s) {
  return s.item;
}

}  // namespace detail

/// Σ_k weight_k · leaf_k.
template <row_leaf... Ls>
struct weighted_sum {
  static constexpr int leaves = sizeof...(Ls);
  detail::slots<std::index_sequence_for<Ls...>, Ls...> items;

  /// Calls f(integral_constant<k>, weighted leaf k) for every leaf in order.
  template <class F>
  constexpr void each(F&& f) const {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::integral_constant<int, static_cast<int>(I)>{}, detail::item_at<I>(items)), ...);
    }
    (std::index_sequence_for<Ls...>{});
  }
  template <std::size_t I>
  constexpr const auto& get() const {
    return detail::item_at<I>(items);
  }
};

namespace detail {

template <class X>
struct is_weighted_sum : std::false_type {};
template <class... Ls>
struct is_weighted_sum<weighted_sum<Ls...>> : std::true_type {};

}  // namespace detail

/// An objective that is a named sum of leaves: DKD is α TCKD + β NCKD.
template <class O>
concept compound = requires(const O o) {
  { O::info } -> std::convertible_to<objective_info>;
  requires detail::is_weighted_sum<std::remove_cvref_t<decltype(o.expression())>>::value;
};

/// A leaf, a compound or a weighted sum of leaves: what engines accept.
template <class X>
concept row_objective = row_leaf<std::remove_const_t<X>> || compound<std::remove_const_t<X>> ||
    detail::is_weighted_sum<std::remove_const_t<X>>::value;

/// Any row objective as a sum.
template <row_leaf L>
constexpr weighted_sum<L> as_sum(const L& leaf) {
  return {{{{row_parameter(1), leaf}}}};
}
template <compound O>
constexpr auto as_sum(const O& objective) {
  return objective.expression();
}
template <row_leaf... Ls>
constexpr const weighted_sum<Ls...>& as_sum(const weighted_sum<Ls...>& sum) {
  return sum;
}
template <row_objective X>
using sum_of = std::remove_cvref_t<decltype(as_sum(std::declval<const X&>()))>;

namespace detail {

/// The same sum with every weighted leaf replaced by change(weighted leaf).
template <class Change, class... Ls, std::size_t... I>
constexpr auto changed(const weighted_sum<Ls...>& sum, const Change& change, std::index_sequence<I...>) {
  using result = weighted_sum<std::remove_cvref_t<decltype(change(sum.template get<I>()).leaf)>...>;
  return result{{{change(sum.template get<I>())}...}};
}
template <class Change, class... Ls>
constexpr auto changed(const weighted_sum<Ls...>& sum, const Change& change) {
  return changed(sum, change, std::index_sequence_for<Ls...>{});
}

template <class... A, class... B, std::size_t... I, std::size_t... J>
constexpr weighted_sum<A..., B...> joined(const weighted_sum<A...>& a, const weighted_sum<B...>& b,
                                          std::index_sequence<I...>, std::index_sequence<J...>) {
  return {{{a.template get<I>()}..., {b.template get<J>()}...}};
}
template <class... Ls>
constexpr auto indices(const weighted_sum<Ls...>&) {
  return std::index_sequence_for<Ls...>{};
}

}  // namespace detail

template <row_objective X>
constexpr sum_of<X> operator*(double weight, const X& objective) {
  return detail::changed(as_sum(objective), [&]<class L>(const weighted<L>& item) {
    return weighted<L>{item.weight.scaled(weight), item.leaf};
  });
}
template <row_objective X>
constexpr sum_of<X> operator*(const X& objective, double weight) {
  return weight * objective;
}
/// One weight a row: `row_parameter(weights) * kl{}`. The objective's own weights must be plain numbers.
template <row_objective X>
constexpr sum_of<X> operator*(const row_parameter& weight, const X& objective) {
  return detail::changed(as_sum(objective), [&]<class L>(const weighted<L>& item) {
    if (weight.varies() && item.weight.varies()) fail("an objective with a weight for each row is given another");
    return weighted<L>{item.weight.varies() ? item.weight.scaled(weight[0]) : weight.scaled(item.weight[0]), item.leaf};
  });
}
template <row_objective X>
constexpr sum_of<X> operator*(const X& objective, const row_parameter& weight) {
  return weight * objective;
}
template <row_objective A, row_objective B>
constexpr auto operator+(const A& a, const B& b) {
  const sum_of<A> left = as_sum(a);
  const sum_of<B> right = as_sum(b);
  return detail::joined(left, right, detail::indices(left), detail::indices(right));
}

DISTILL_NAMESPACE_END
