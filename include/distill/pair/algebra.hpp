// 25 * relational_distance{} + 50 * relational_angle{} is again a pair objective.
#pragma once

#include <tuple>
#include <type_traits>

#include "../config.hpp"
#include "objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// weight · leaf.
template <pair_leaf L>
struct weighted_pair {
  double weight;
  L leaf;
};

/// Σ_k weight_k · leaf_k over the same features. Evaluated one after the other: relations share nothing but the
/// features.
template <pair_leaf... Ls>
struct pair_sum {
  std::tuple<weighted_pair<Ls>...> items;

  /// Calls f(weighted leaf) for every leaf in order.
  template <class F>
  void each(F&& f) const {
    std::apply([&](const auto&... item) { (f(item), ...); }, items);
  }
};

namespace detail {

template <class X>
struct is_pair_sum : std::false_type {};
template <class... Ls>
struct is_pair_sum<pair_sum<Ls...>> : std::true_type {};

}  // namespace detail

/// A pair objective that is a named sum.
template <class O>
concept pair_compound = requires(const O o) {
  { O::info } -> std::convertible_to<pair_info>;
  requires detail::is_pair_sum<std::remove_cvref_t<decltype(o.expression())>>::value;
};

/// A leaf, a compound or a weighted sum of leaves: what engines accept.
template <class X>
concept pair_objective = pair_leaf<std::remove_const_t<X>> || pair_compound<std::remove_const_t<X>> ||
    detail::is_pair_sum<std::remove_const_t<X>>::value;

/// Any pair objective as a sum.
template <pair_leaf L>
constexpr pair_sum<L> as_pair_sum(const L& leaf) {
  return {{weighted_pair<L>{1, leaf}}};
}
template <pair_compound O>
constexpr auto as_pair_sum(const O& objective) {
  return objective.expression();
}
template <pair_leaf... Ls>
constexpr const pair_sum<Ls...>& as_pair_sum(const pair_sum<Ls...>& sum) {
  return sum;
}

// The types of the results say for which operands the operators are: Clang 14 reads them before the constraints, and an
// operator between two numbers is an error to it.
template <pair_objective X>
constexpr auto operator*(double weight, const X& objective) -> std::remove_cvref_t<decltype(as_pair_sum(objective))> {
  auto sum = as_pair_sum(objective);
  std::apply([&](auto&... item) { ((item.weight *= weight), ...); }, sum.items);
  return sum;
}
template <pair_objective X>
constexpr auto operator*(const X& objective, double weight) -> std::remove_cvref_t<decltype(as_pair_sum(objective))> {
  return weight * objective;
}
template <pair_objective A, pair_objective B>
constexpr auto operator+(const A& a, const B& b) {
  return [&]<class... Ls, class... Rs>(const pair_sum<Ls...>& left, const pair_sum<Rs...>& right) {
    return pair_sum<Ls..., Rs...>{std::tuple_cat(left.items, right.items)};
  }(as_pair_sum(a), as_pair_sum(b));
}

DISTILL_NAMESPACE_END
