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

/// Which row of which site pair a leaf compares.
template <separable L>
site_pair sites_of(const L& leaf) {
  if constexpr (requires { leaf.sites(); })
    return leaf.sites();
  else
    return {{row_mix::of(input::student), leaf.temperature}, {row_mix::of(input::teacher), leaf.temperature}};
}

/// How much of a role's gradient each input receives.
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
  bool paired = false;  // read by a separable leaf: both of its sides must be computed alike
  int base = -1;        // the site whose exponentials this one raises to a power, or -1
  int power = 1;
  int derived = -1;  // the site that is derived from this one, or -1
};

struct planned_leaf {
  int student = 0, teacher = -1;  // into plan::sites; no teacher in a statistic leaf
  outward to_student{}, to_teacher{};
};

/// Whether a leaf's teacher role reaches the student, or the other way round.
inline bool crosses(const planned_leaf& leaf) {
  return leaf.teacher >= 0 && (leaf.to_teacher[0] != 0 || leaf.to_student[1] != 0);
}

/// Sites equal at run time are computed once: kl and reverse_kl at one temperature share both softmaxes, and
/// cross_entropy at T = 1 takes the powers of the exponentials at T = 2, 3, 4.
template <row_objective X>
class row_plan {
 public:
  static constexpr int leaves = sum_of<X>::leaves;
  static constexpr int capacity = 2 * leaves;
  using statistics_row = std::array<site_statistics, static_cast<std::size_t>(capacity)>;

  explicit row_plan(const sum_of<X>& sum) {
    sum.each([&]<class L>(auto k, const weighted<L>& item) {
      planned_leaf& planned = leaf[k];
      if constexpr (separable<L>) {
        const site_pair pair = sites_of(item.leaf);
        planned = {add(pair.student), add(pair.teacher), outward_of(pair.student.row), outward_of(pair.teacher.row)};
        for (const int s : {planned.student, planned.teacher}) sites[static_cast<std::size_t>(s)].paired = true;
      } else {
        const row_mix own = row_mix::of(input::student);
        planned = {add({own, item.leaf.temperature}), -1, outward_of(own), {}};
      }
    });
    derive_powers();
    for (int r = 0; r < row_count; ++r)
      for (std::size_t k = 0; k < used.size(); ++k) used[k] = used[k] || rows[static_cast<std::size_t>(r)].mix[k] != 0;
  }

  std::array<planned_leaf, leaves> leaf;
  std::array<planned_site, capacity> sites;
  std::array<row_mix, capacity> rows;
  int site_count = 0, row_count = 0;
  std::array<bool, input_count> used{};  // inputs that any row is mixed of

 private:
  int add(const site& wanted) {
    int row = 0;
    while (row < row_count && !(rows[static_cast<std::size_t>(row)] == wanted.row)) ++row;
    if (row == row_count) rows[static_cast<std::size_t>(row_count++)] = wanted.row;
    for (int s = 0; s < site_count; ++s) {
      const planned_site& known = sites[static_cast<std::size_t>(s)];
      if (known.row == row && known.temperature == wanted.temperature) return s;
    }
    sites[static_cast<std::size_t>(site_count)] = {.row = row, .temperature = wanted.temperature};
    return site_count++;
  }

  void derive_powers() {
    for (int s = 0; s < site_count; ++s)
      for (int b = 0; b < site_count; ++b) {
        planned_site& cold = sites[static_cast<std::size_t>(s)];
        planned_site& hot = sites[static_cast<std::size_t>(b)];
        if (b == s || cold.paired || cold.row != hot.row || cold.base >= 0 || hot.base >= 0 || cold.derived >= 0 ||
            hot.derived >= 0)
          continue;
        if (cold.temperature.varies() || hot.temperature.varies()) continue;
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
