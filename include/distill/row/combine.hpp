// A function of leaf values is again an objective: weights that depend on the losses themselves, ratios, squares.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "../config.hpp"
#include "algebra.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

// A group lies in a sum as consecutive leaves: the first carries the function, the others only follow. To the kernels
// they are leaves like any other.
template <class F, int N, row_leaf L>
struct group_leader : L {
  static constexpr int group_size = N;
  F function;
};
template <row_leaf L>
struct group_member : L {
  static constexpr bool follows = true;
};

template <class L>
concept leads_group = requires {
  L::group_size;
};
template <class L>
concept follows_leader = requires {
  L::follows;
};

template <class F>
struct detached_weight {
  F weight;

  template <class Number, std::size_t N>
  folded<static_cast<int>(N), Number> operator()(const std::array<Number, N>& values) const {
    std::array<Number, N - 1> probes{};
    for (std::size_t k = 1; k < N; ++k) probes[k - 1] = values[k];
    folded<static_cast<int>(N), Number> result;
    const Number w = weight(probes);
    result.value = mass_times(w, values[0]);
    result.partial[0] = w;
    return result;
  }
};

}  // namespace detail

/// F(value of each leaf): `folded<N, Number> F(std::array<Number, N>)` returns the value and its derivatives, Number
/// double (and dual<double> for calls on dual numbers); the gradient is Σ_k ∂F/∂value_k ∇leaf_k. A leaf with derivative
/// 0 is only watched.
template <class F, row_leaf L, row_leaf... Ls>
constexpr auto combine(const F& function, const L& first, const Ls&... others) {
  constexpr int n = 1 + static_cast<int>(sizeof...(Ls));
  static_assert(std::is_same_v<decltype(function(std::array<double, n>{})), folded<n>>,
                "the function takes std::array<double, N> and returns folded<N>");
  using leader = detail::group_leader<F, n, L>;
  using sum = weighted_sum<leader, detail::group_member<Ls>...>;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return sum{{{{row_parameter(1), leader{first, function}}}, {{row_parameter(1), {others}}}...}};
  }
  (std::index_sequence_for<Ls...>{});
}

/// weight(values of the probes) · leaf, with the weight held constant in the gradient:
/// `weighted_by([](auto v) { return -std::expm1(-v[0] / v[1]); }, kl{}, probe, other_probe)`.
template <class F, row_leaf L, row_leaf... Probes>
constexpr auto weighted_by(const F& weight, const L& leaf, const Probes&... probes) {
  return combine(detail::detached_weight<F>{weight}, leaf, probes...);
}

namespace detail {

/// The value of a row and the coefficient of every leaf's gradient in it.
template <row_objective X, class Number = double>
struct row_combination {
  static constexpr std::size_t leaves = static_cast<std::size_t>(sum_of<X>::leaves);
  Number value = 0;
  std::array<Number, leaves> coefficient{};
};

/// `share[k]` is the weight of leaf k in this row, or that of its group at the leader.
template <row_objective X, class Number>
row_combination<X, Number> combination_of(const sum_of<X>& sum, const auto& share,
                                          const std::array<Number, row_combination<X>::leaves>& values) {
  row_combination<X, Number> result;
  sum.each([&]<class L>(auto k, const weighted<L>& item) {
    constexpr std::size_t at = static_cast<std::size_t>(decltype(k)::value);
    if constexpr (leads_group<L>) {
      if (share[at] == 0) return;
      std::array<Number, static_cast<std::size_t>(L::group_size)> own;
      for (std::size_t j = 0; j < own.size(); ++j) own[j] = values[at + j];
      static_assert(std::is_invocable_v<decltype(item.leaf.function), decltype(own)>,
                    "to be differentiated twice, a function of leaf values must also take an array of dual<double>");
      const folded<L::group_size, Number> f = item.leaf.function(own);
      result.value += share[at] * f.value;
      for (std::size_t j = 0; j < own.size(); ++j) result.coefficient[at + j] = share[at] * f.partial[j];
    } else if constexpr (!follows_leader<L>) {
      result.coefficient[at] = share[at];
      if (share[at] != 0) result.value += share[at] * values[at];  // a term of weight 0 is only watched
    }
  });
  return result;
}

}  // namespace detail
DISTILL_NAMESPACE_END
