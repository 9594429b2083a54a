// What evaluating the leaves of a row leaves behind, and Σ slope · z: gradients to temperatures and through
// standardised rows are made of it.
#pragma once

#include <array>

#include "../config.hpp"
#include "plan.hpp"
#include "sites.hpp"
#include "stored_leaves.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class Number>
struct leaf_outcome {
  bool active = false, squared = false;
  double temperature = 1, factor = 1;                        ///< T, and T² where the leaf is scaled by it
  Number value = 0;                                          ///< times factor
  std::array<Number, 2> slope_sum{};                         ///< of leaves that compare rows
  std::array<Number, most_sites> mass{}, spread{}, patch{};  ///< of the others, as in closed_form
};
template <row_objective X, class Number>
using row_outcome = std::array<leaf_outcome<Number>, static_cast<std::size_t>(sum_of<X>::leaves)>;

template <class T, row_objective X>
class row_moments {
  using kinds = leaf_kinds<sum_of<X>>;
  using number = wide<T>;
  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }

 public:
  row_moments(const row_plan<X>& plan, const row_sites<T, X>& sites, const stored_leaves<T, X>& stored)
      : plan_(plan), sites_(sites), stored_(stored) {}

  /// Σ slope · (z - max) at site n of leaf k.
  number& of(std::size_t k, std::size_t n) { return moment_[k][n]; }
  number of(std::size_t k, std::size_t n) const { return moment_[k][n]; }

  /// Needs the sites' exponentials, which slopes may overwrite.
  void take_distances() {
    for (int s = 0; s < plan_.site_count; ++s)
      mean_distance_[at(s)] = plan_.sites[at(s)].softmax ? sites_.mean_distance(s) : 0;
  }

  /// of(k, n) becomes Σ_i ∂leaf_k/∂u_i · z_i over the tempered row u of site n, T² not included. Where the derivatives
  /// add up to 0, as they do behind a softmax, z may be measured from anywhere.
  void finish(const row_outcome<X, number>& outcome, index row) {
    for (std::size_t k = 0; k < outcome.size(); ++k) {
      const planned_leaf& leaf = plan_.leaf[k];
      if (!outcome[k].active) continue;
      for (std::size_t n = 0; n < at(leaf.sites); ++n) {
        const int s = leaf.site[n];
        if (leaf.projects)
          moment_[k][n] -= outcome[k].slope_sum[n] * mean_distance_[at(s)];
        else if (leaf.compares)  // a row that is masked throughout has no finite top, and no slopes
          moment_[k][n] += mass_times(outcome[k].slope_sum[n], top(s));
        else
          moment_[k][n] = closed(outcome[k], k, n, row);
      }
    }
  }

  /// ∂leaf_k/∂T at the sites whose temperature is the leaf's own: scale = 1/T or 1/(T sd).
  number temperature_slope(const leaf_outcome<number>& leaf, std::size_t k) const {
    if (!leaf.active) return 0;
    number moments = 0;
    for (std::size_t n = 0; n < at(plan_.leaf[k].sites); ++n)
      if (plan_.leaf[k].tempered[n]) moments += sites_.slope(plan_.leaf[k].site[n]) * moment_[k][n];
    return ((leaf.squared ? 2 * leaf.value : number(0)) - leaf.factor * moments) / leaf.temperature;
  }

 private:
  number top(int s) const { return static_cast<number>(sites_.max(s)); }

  number closed(const leaf_outcome<number>& leaf, std::size_t k, std::size_t n, index row) const {
    const int s = plan_.leaf[k].site[n];
    number moment = mass_times(leaf.mass[n], mean_distance_[at(s)]), total = leaf.mass[n];
    const auto add = [&](number slope, number distance) {
      if (!vanishes(slope)) moment += slope * distance, total += slope;
    };
    if (!vanishes(leaf.patch[n])) add(leaf.patch[n], sites_.label_distance(s));
    if (!vanishes(leaf.spread[n])) {
      const kept_moments<number> kept = moments_of(sites_.reader(s), sites_.end(), sites_.max(s), false);
      add(leaf.spread[n] * static_cast<double>(kept.kept), kept.mean);
    }
    if constexpr (kinds::any_stored)
      if (stored_leaves<T, X>::has[k] && n == 0)
        stored_.each(k, row,
                     [&](index c, number slope) { add(slope, static_cast<number>(sites_.reader(s).at(c)) - top(s)); });
    return vanishes(total) ? moment : moment + total * top(s);
  }

  const row_plan<X>& plan_;
  const row_sites<T, X>& sites_;
  const stored_leaves<T, X>& stored_;
  std::array<number, static_cast<std::size_t>(row_plan<X>::capacity)> mean_distance_{};
  std::array<std::array<number, most_sites>, static_cast<std::size_t>(sum_of<X>::leaves)> moment_{};
};

}  // namespace detail
DISTILL_NAMESPACE_END
