// What an expression needs computed: its distinct softmax sites, and which leaf reads which.
#pragma once

#include <array>
#include <cmath>

#include "../config.hpp"
#include "algebra.hpp"
#include "objective.hpp"
#include "site.hpp"
#include "sweeps.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// How much of a site's gradient each input receives.
using outward = std::array<double, input_count>;

inline outward outward_of(const row_mix& row) {
  outward share = row.mix;
  for (std::size_t k = 0; k < share.size(); ++k)
    if (row.detached[k]) share[k] = 0;
  return share;
}

struct planned_site {
  int row = 0;  // into plan::rows
  row_parameter temperature = 1;
  bool standardised = false;
  bool softmax = false;  // some leaf reads its exponentials
  bool paired = false;   // read by a separable leaf: both of its sides must be computed alike
  int base = -1;         // the site whose exponentials this one raises to a power, or -1
  int power = 1;
  int derived = -1;  // the site that is derived from this one, or -1
};

/// The most sites a leaf may have.
inline constexpr int most_sites = 3;

struct planned_leaf {
  bool compares = false;  // two rows, by slopes; the others have closed forms
  bool projects = false;  // slopes with respect to log p: Σ slope · p is taken away
  int sites = 0;
  std::array<int, most_sites> site{};       // into plan::sites
  std::array<outward, most_sites> to{};     // of each site's gradient
  std::array<bool, most_sites> tempered{};  // the site's temperature is the leaf's
};

/// Whether more than the student's own slopes reach the student.
inline bool crosses(const planned_leaf& leaf) { return leaf.to[0][0] == 0 || leaf.to[1][0] != 0; }

/// Sites equal at run time are computed once: kl and reverse_kl at one temperature share both softmaxes, and
/// cross_entropy at T = 1 takes the powers of the exponentials at T = 2, 3, 4.
template <row_objective X>
class row_plan {
  template <class Sum>
  struct of_leaves;
  template <class... Ls>
  struct of_leaves<weighted_sum<Ls...>> {
    static constexpr int sites = (0 + ... + sites_per<Ls>);
    static constexpr bool any_stored = (... || distill::stored<Ls>);
  };

 public:
  static constexpr int leaves = sum_of<X>::leaves;
  static constexpr int capacity = of_leaves<sum_of<X>>::sites;
  template <class Number>
  using statistics_row = std::array<site_statistics<Number>, static_cast<std::size_t>(capacity)>;

  explicit row_plan(const sum_of<X>& sum) {
    sum.each([&]<class L>(auto k, const weighted<L>& item) {
      static_assert(sites_per<L> <= most_sites);
      planned_leaf& planned = leaf[k];
      planned.compares = separable<L> || elementwise<L> || ordered<L> || ordered_scores<L>;
      planned.projects = separable<L> || ordered<L>;
      for (const site& s : sites_of(item.leaf)) {
        const auto n = static_cast<std::size_t>(planned.sites++);
        planned.site[n] = add(s);
        planned.to[n] = outward_of(s.row);
        planned.tempered[n] = !s.own_temperature && s.temperature == item.leaf.temperature;
        planned_site& own = sites[static_cast<std::size_t>(planned.site[n])];
        own.paired = own.paired || planned.projects;
        own.softmax = own.softmax || !(elementwise<L> || ordered_scores<L>);
      }
    });
    needs_stored = of_leaves<sum_of<X>>::any_stored;
    derive_powers();
    for (int r = 0; r < row_count; ++r) {
      const row_mix& row = rows[static_cast<std::size_t>(r)];
      for (std::size_t k = 0; k < used.size(); ++k) used[k] = used[k] || row.mix[k] != 0;
      used[1] = used[1] || row.columns.which == kept_columns::rule::band;
      needs_stored = needs_stored || row.stored_or || row.columns.which == kept_columns::rule::without_stored;
      needs_label = needs_label || row.columns.which == kept_columns::rule::without_label ||
                    row.columns.which == kept_columns::rule::band;
    }
  }

  std::array<planned_leaf, leaves> leaf;
  std::array<planned_site, capacity> sites;
  std::array<row_mix, capacity> rows;
  int site_count = 0, row_count = 0;
  std::array<bool, input_count> used{};  // inputs that any row is mixed of
  bool needs_label = false;              // some row's classes depend on the label
  bool needs_stored = false;             // some leaf reads the stored teacher
  stored_teacher stored{};               // of the batch at hand

 private:
  int add(const site& wanted) {
    int row = 0;
    while (row < row_count && !(rows[static_cast<std::size_t>(row)] == wanted.row)) ++row;
    if (row == row_count) rows[static_cast<std::size_t>(row_count++)] = wanted.row;
    for (int s = 0; s < site_count; ++s) {
      const planned_site& known = sites[static_cast<std::size_t>(s)];
      if (known.row == row && known.temperature == wanted.temperature && known.standardised == wanted.standardised)
        return s;
    }
    sites[static_cast<std::size_t>(site_count)] = {
        .row = row, .temperature = wanted.temperature, .standardised = wanted.standardised};
    return site_count++;
  }

  static bool constant(const planned_site& s) { return s.softmax && !s.standardised && !s.temperature.varies(); }

  void derive_powers() {
    for (int s = 0; s < site_count; ++s)
      for (int b = 0; b < site_count; ++b) {
        planned_site& cold = sites[static_cast<std::size_t>(s)];
        planned_site& hot = sites[static_cast<std::size_t>(b)];
        if (b == s || cold.paired || cold.row != hot.row || cold.base >= 0 || hot.base >= 0 || cold.derived >= 0 ||
            hot.derived >= 0)
          continue;
        if (!constant(cold) || !constant(hot)) continue;
        const double ratio = hot.temperature[0] / cold.temperature[0];
        const double power = std::round(ratio);
        if (power < 2 || power > largest_power || std::abs(ratio - power) > 1e-12 * power) continue;
        cold.base = b;
        cold.power = static_cast<int>(power);
        hot.derived = s;
      }
  }
};

}  // namespace detail
DISTILL_NAMESPACE_END
