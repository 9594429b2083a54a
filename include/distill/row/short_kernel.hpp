// Many short rows at once: lanes are rows, so a row of ten classes wastes no lane and needs no sum across lanes.
#pragma once

#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "../config.hpp"
#include "../core/simd.hpp"
#include "fused.hpp"
#include "kernel.hpp"
#include "plan.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Rows of at most this many classes.
inline constexpr index longest_short_row = 64;

/// A transposed tile: element (class c, lane) at c · width.
template <class T>
struct lane_reader {
  const T* data = nullptr;
  static void enter(index) {}
  DISTILL_INLINE simd<T> load(index i) const { return simd<T>::load_aligned(data + i); }
};

/// The same arithmetic as row_kernel for up to `width` rows. Every row is computed on its own lane, so its result does
/// not depend on its neighbours. Rows out of the ordinary (an infinity or NaN anywhere, maxima far apart) are reported,
/// not computed: row_kernel owns the edges.
template <class T, row_objective X>
class short_kernel {
  using V = simd<T>;
  using D = simd<double>;
  using kinds = leaf_kinds<sum_of<X>>;
  static constexpr std::size_t leaves = static_cast<std::size_t>(sum_of<X>::leaves);
  static constexpr std::size_t capacity = static_cast<std::size_t>(row_plan<X>::capacity);
  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }

 public:
  static constexpr index width = lanes_of<T>;
  static constexpr std::size_t lanes = static_cast<std::size_t>(width);
  using leaf_numbers = std::array<double, leaves>;
  template <class Number>
  using per_lane = std::array<Number, lanes>;

  static constexpr bool possible = std::floating_point<T> && !kinds::any_fold && !kinds::any_bound &&
                                   !kinds::any_group && !kinds::any_of_logits && !kinds::any_stored &&
                                   kinds::ordered_leaves == 0;
  /// Whether every leaf and every row of the plan is of the plain kind that this kernel knows.
  static bool fits(const sum_of<X>& sum, const row_plan<X>& plan, index columns) {
    bool plain = columns <= longest_short_row && possible;
    for (int r = 0; r < plan.row_count; ++r) plain = plain && plan.rows[at(r)].only() >= 0;
    for (int s = 0; s < plan.site_count; ++s) plain = plain && !plan.sites[at(s)].standardised;
    sum.each([&](auto, const auto& item) {
      if constexpr (requires { item.leaf.needs_mean(); }) plain = plain && !item.leaf.needs_mean();
    });
    return plain;
  }
  static index scratch_size(const row_plan<X>& plan, index columns) {
    return (plan.row_count + plan.site_count + input_count) * columns * width;
  }

  short_kernel(const sum_of<X>& sum, const row_plan<X>& plan, index columns, T* scratch)
      : sum_(sum), plan_(plan), columns_(columns) {
    const index tile = columns * width;
    for (int r = 0; r < plan.row_count; ++r, scratch += tile) rows_[at(r)].data = transposed_[at(r)] = scratch;
    for (int s = 0; s < plan.site_count; ++s, scratch += tile) kept_[at(s)] = scratch;
    for (T*& slopes : target_.slopes) slopes = scratch, scratch += tile;
  }

  /// Reads `count` <= width rows beginning with `first`. Leaves the lanes beyond `count` as copies of the first row.
  void open(index first, std::span<const row_memory<T>> memory) {
    first_ = first;
    count_ = memory.size();
    for (int r = 0; r < plan_.row_count; ++r) {
      const std::size_t which = at(plan_.rows[at(r)].only());
      T* tile = transposed_[at(r)];
      for (std::size_t l = 0; l < lanes; ++l) {
        const T* row = memory[l < count_ ? l : 0].in[which];
        for (index c = 0; c < columns_; ++c) tile[c * width + static_cast<index>(l)] = row[c];
      }
      V highest = rows_[at(r)].load(0), lowest = highest;
      for (index c = 1; c < columns_; ++c) {
        const V z = rows_[at(r)].load(c * width);
        highest = lane<V>::max(highest, z);
        lowest = lane<V>::select(z < lowest, z, lowest);
      }
      highest.store_aligned(max_[at(r)].data());
      lowest.store_aligned(min_[at(r)].data());
    }
    for (int s = 0; s < plan_.site_count; ++s)
      if (plan_.sites[at(s)].base < 0) exponentials(s);
    find_ordinary();
  }

  /// Lanes whose row this kernel computes.
  bool ordinary(std::size_t l) const { return ordinary_[l]; }

  /// Leaf values of every lane; with Gradients also the gradient rows. `coefficient[k][lane]` as in row_kernel; all
  /// leaves are active but those statistic ones whose coefficient and value the caller discards.
  template <bool Gradients>
  const std::array<per_lane<double>, leaves>& evaluate(const std::array<per_lane<double>, leaves>& coefficient,
                                                       const per_lane<index>& labels, const row_memory<T>& wanted) {
    for (std::size_t o = 0; o < input_count; ++o) target_.wanted[o] = Gradients && wanted.out[o] != nullptr;
    for (auto& of_output : projected_)
      for (auto& of_site : of_output) of_site.fill(0);
    prepare(coefficient, labels);
    bool plain = Gradients && target_.wanted[0];
    for (std::size_t o = 1; o < input_count; ++o) plain = plain && !target_.wanted[o];
    for (std::size_t k = 0; k < leaves; ++k)
      plain = plain && (!plan_.leaf[k].compares || (leaf_rows_[k].one_scale && !crosses(plan_.leaf[k])));
    if (plain)
      sweep<sweep_kind::plain>();
    else
      sweep<Gradients ? sweep_kind::general : sweep_kind::values>();
    if constexpr (Gradients) {
      project(coefficient);
      for (std::size_t o = 0; o < input_count; ++o)
        if (target_.wanted[o]) finish_slopes(o);
    }
    return values_;
  }

  /// Stores lane l's gradient rows.
  void write(std::size_t l, const std::array<per_lane<double>, leaves>& coefficient,
             const row_memory<T>& memory) const {
    for (std::size_t o = 0; o < input_count; ++o) {
      T* out = memory.out[o];
      if (!out) continue;
      const bool accumulate = memory.how[o] == row_store::accumulate;
      const T* tile = target_.slopes[o] + l;
      for (index c = 0; c < columns_; ++c) out[c] = accumulate ? out[c] + tile[c * width] : tile[c * width];
      for (std::size_t k = 0; k < leaves; ++k) {
        const planned_leaf& leaf = plan_.leaf[k];
        for (std::size_t n = 0; !leaf.compares && coefficient[k][l] != 0 && n < at(leaf.sites); ++n)
          if (const double patch = forms_[k][l].patch[n]; patch != 0 && leaf.to[n][o] != 0)
            out[label_[l]] += static_cast<T>(chain_[k][n][l] * leaf.to[n][o] * patch);
      }
    }
  }

 private:
  /// Loops over the lanes in double batches.
  template <class F>
  static void each_double(F&& f) {
    for (std::size_t l = 0; l < lanes; l += D::size) f(l);
  }
  static D load(const per_lane<double>& values, std::size_t l) { return D::load_unaligned(values.data() + l); }

  void exponentials(int s) {
    const planned_site& site = plan_.sites[at(s)];
    const int power = site.derived < 0 ? 1 : plan_.sites[at(site.derived)].power;
    for (std::size_t l = 0; l < lanes; ++l)
      scale_[at(s)][l] = static_cast<T>(1 / site.temperature[first_ + static_cast<index>(l < count_ ? l : 0)]);
    const V m = V::load_aligned(max_[at(site.row)].data()), scale = V::load_aligned(scale_[at(s)].data());
    V sum(T(0)), lost(T(0)), powered(T(0)), powered_lost(T(0));
    for (index c = 0; c < columns_; ++c) {
      const V e = exp_scaled(rows_[at(site.row)].load(c * width) - m, scale);
      e.store_aligned(kept_[at(s)] + c * width);
      compensated(e, sum, lost);
      if (power > 1) compensated(raised(e, power), powered, powered_lost);
    }
    widen(sum, lost, sum_exp_[at(s)]);
    source_[at(s)] = {kept_[at(s)], 1};
    if (site.derived < 0) return;
    widen(powered, powered_lost, sum_exp_[at(site.derived)]);
    source_[at(site.derived)] = {kept_[at(s)], power};
    (scale * V(static_cast<T>(power))).store_aligned(scale_[at(site.derived)].data());
  }

  /// sum + lost is the sum with twice the digits (Dekker 1971); terms come in any order of size.
  DISTILL_INLINE static void compensated(V x, V& sum, V& lost) {
    const V total = sum + x;
    const V of_x = total - sum;
    lost = lost + ((sum - (total - of_x)) + (x - of_x));
    sum = total;
  }
  static void widen(V sum, V lost, per_lane<double>& out) {
    alignas(cache_line) per_lane<T> high, low;
    sum.store_aligned(high.data());
    lost.store_aligned(low.data());
    for (std::size_t l = 0; l < lanes; ++l) out[l] = static_cast<double>(high[l]) + static_cast<double>(low[l]);
  }

  void find_ordinary() {
    for (std::size_t l = 0; l < lanes; ++l) {
      T highest = max_[0][l], lowest = max_[0][l], bottom = min_[0][l];
      for (int r = 1; r < plan_.row_count; ++r) {
        highest = std::max(highest, max_[at(r)][l]);
        lowest = std::min(lowest, max_[at(r)][l]);
        bottom = std::min(bottom, min_[at(r)][l]);
      }
      T hottest = 1;
      for (int s = 0; s < plan_.site_count; ++s) hottest = std::max(hottest, scale_[at(s)][l]);
      double total = 0;
      for (int s = 0; s < plan_.site_count; ++s) total += sum_exp_[at(s)][l];
      ordinary_[l] = highest <= lowest + distant_rows<T> && bottom * hottest >= std::numeric_limits<T>::lowest() / 4 &&
                     highest <= std::numeric_limits<T>::max() / 4 && total < std::numeric_limits<double>::infinity();
    }
  }

  void prepare(const std::array<per_lane<double>, leaves>& coefficient, const per_lane<index>& labels) {
    label_ = labels;
    sum_.each([&]<class L>(auto k, const weighted<L>& item) {
      const planned_leaf& planned = plan_.leaf[k];
      const bool squared = item.leaf.scaling == temperature_scaling::squared;
      for (std::size_t l = 0; l < lanes; ++l) {
        const double t = item.leaf.temperature[first_ + static_cast<index>(l < count_ ? l : 0)];
        factor_[k][l] = squared ? t * t : 1;
        for (std::size_t n = 0; n < at(planned.sites); ++n)
          chain_[k][n][l] = coefficient[k][l] * factor_[k][l] * static_cast<double>(scale_[at(planned.site[n])][l]);
      }
      if constexpr (separable<L>)
        prepare_pair<L>(k, planned);
      else if constexpr (statistic<L>)
        evaluate_statistic(k, item.leaf);
    });
  }

  template <class L>
  void prepare_pair(std::size_t k, const planned_leaf& planned) {
    const std::size_t s = at(planned.site[0]), t = at(planned.site[1]);
    const std::size_t row_s = at(plan_.sites[s].row), row_t = at(plan_.sites[t].row);
    per_lane<double> offset;
    each_double([&](std::size_t l) {
      natural_log(load(sum_exp_[s], l) / load(sum_exp_[t], l)).store_unaligned(offset.data() + l);
    });
    alignas(cache_line) per_lane<T> inverse_s, inverse_t, high, low, excess;
    for (std::size_t l = 0; l < lanes; ++l) {
      const double per_s = static_cast<double>(scale_[s][l]), per_t = static_cast<double>(scale_[t][l]);
      inverse_s[l] = static_cast<T>(1 / sum_exp_[s][l]);
      inverse_t[l] = static_cast<T>(1 / sum_exp_[t][l]);
      const double top = static_cast<double>(max_[row_s][l]) - static_cast<double>(max_[row_t][l]);
      const double full = top * per_s + offset[l];
      high[l] = static_cast<T>(full);
      low[l] = static_cast<T>(full - static_cast<double>(high[l]));
      excess[l] = static_cast<T>(per_s - per_t);
    }
    lane_row& leaf = leaf_rows_[k];
    // A question to the plan, not to the lanes: rows must not choose each other's arithmetic.
    leaf.one_scale = plan_.sites[s].temperature == plan_.sites[t].temperature;
    leaf.kept_s = kept_[s];
    leaf.kept_t = kept_[t];
    leaf.z_s = rows_[row_s];
    leaf.z_t = rows_[row_t];
    leaf.inverse_s = V::load_aligned(inverse_s.data());
    leaf.inverse_t = V::load_aligned(inverse_t.data());
    leaf.scale_s = V::load_aligned(scale_[s].data());
    leaf.scale_t = V::load_aligned(scale_[t].data());
    leaf.centre_s = V::load_aligned(max_[row_s].data());
    leaf.centre_t = V::load_aligned(max_[row_t].data());
    leaf.excess = V::load_aligned(excess.data());
    leaf.offset = V::load_aligned(high.data());
    leaf.offset_rest = V::load_aligned(low.data());
    if constexpr (reads_log_probabilities<L>) {
      for (std::size_t l = 0; l < lanes; ++l) {
        high[l] = static_cast<T>(std::log(sum_exp_[s][l]));
        low[l] = static_cast<T>(std::log(sum_exp_[t][l]));
      }
      leaf.log_sum_s = V::load_aligned(high.data());
      leaf.log_sum_t = V::load_aligned(low.data());
    }
    for (std::size_t n = 0; n < 2; ++n)
      for (std::size_t o = 0; o < input_count; ++o) {
        target_.weight[k][n][o] = narrowed(chain_[k][n], planned.to[n][o]);
        target_.feeds[k][n][o] = target_.wanted[o] && planned.to[n][o] != 0;
      }
  }

  static V narrowed(const per_lane<double>& values, double factor) {
    alignas(cache_line) per_lane<T> result;
    for (std::size_t l = 0; l < lanes; ++l) result[l] = static_cast<T>(values[l] * factor);
    return V::load_aligned(result.data());
  }

  template <class L>
  void evaluate_statistic(std::size_t k, const L& leaf) {
    constexpr std::size_t n = static_cast<std::size_t>(sites_per<L>);
    std::array<per_lane<double>, n> log_sum;
    for (std::size_t i = 0; i < n; ++i)
      each_double([&](std::size_t l) {
        natural_log(load(sum_exp_[at(plan_.leaf[k].site[i])], l)).store_unaligned(log_sum[i].data() + l);
      });
    for (std::size_t l = 0; l < count_; ++l) {
      row_statistics<static_cast<int>(n)> row{.label = label_[l], .columns = columns_};
      for (std::size_t i = 0; i < n; ++i) {
        const std::size_t s = at(plan_.leaf[k].site[i]), r = at(plan_.sites[s].row);
        const double top = static_cast<double>(max_[r][l]), scale = static_cast<double>(scale_[s][l]);
        site_summary<>& own = row.site[i];
        own.top = top;
        own.scale = scale;
        own.top_log_p = -log_sum[i][l];
        if (label_[l] >= 0 && label_[l] < columns_) {
          const double z = static_cast<double>(rows_[r].data[label_[l] * width + static_cast<index>(l)]);
          own.label_log_p = (z - top) * scale - log_sum[i][l];
        }
      }
      const auto answer = leaf.evaluate(row);
      form& kept = forms_[k][l];
      for (std::size_t i = 0; i < n; ++i) kept.mass[i] = answer.mass[i], kept.patch[i] = answer.patch[i];
      values_[k][l] = factor_[k][l] * answer.value;
    }
  }

  template <sweep_kind Kind>
  void sweep() {
    [&]<class... Ls, std::size_t... I>(const weighted_sum<Ls...>& sum, std::index_sequence<I...>) {
      std::array<leaf_sums<1, V>, leaves> part;
      part.fill(leaf_sums<1, V>(V(T(0))));
      const std::array rows = leaf_rows_;
      const slope_targets<T, static_cast<int>(leaves)> target = target_;
      for (index c = 0; c < columns_; ++c) {
        std::array<V, input_count> to{V(T(0)), V(T(0)), V(T(0))};
        (step<Kind, I>(sum.template get<I>().leaf, rows[I], target, c * width, part[I], to), ...);
        if constexpr (Kind != sweep_kind::values)
          for (std::size_t o = 0; o < input_count; ++o)
            if (target.wanted[o]) to[o].store_aligned(target.slopes[o] + c * width);
      }
      (collect<Ls>(I, part[I]), ...);
    }(sum_, std::make_index_sequence<leaves>{});
  }
  template <sweep_kind Kind, std::size_t I, class L>
  DISTILL_INLINE static void step(const L& leaf, const auto& row, const auto& target, index i, leaf_sums<1, V>& part,
                                  std::array<V, input_count>& to) {
    if constexpr (separable<L> && possible) fused_step<Kind, I, T>(leaf, row, target, i, part, to);
  }
  template <class L>
  void collect(std::size_t k, const leaf_sums<1, V>& part) {
    if constexpr (separable<L>) {
      alignas(cache_line) per_lane<T> lane_values;
      part.term[0].store_aligned(lane_values.data());
      for (std::size_t l = 0; l < lanes; ++l) values_[k][l] = factor_[k][l] * static_cast<double>(lane_values[l]);
      part.to_student.store_aligned(slope_sum_[k][0].data());
      part.to_teacher.store_aligned(slope_sum_[k][1].data());
    }
  }

  /// Each site's coefficient in each output's gradient: what the projection takes away, what closed forms add.
  void project(const std::array<per_lane<double>, leaves>& coefficient) {
    for (std::size_t k = 0; k < leaves; ++k) {
      const planned_leaf& leaf = plan_.leaf[k];
      for (std::size_t n = 0; n < at(leaf.sites); ++n) {
        const std::size_t s = at(leaf.site[n]);
        for (std::size_t l = 0; l < lanes; ++l) {
          const double mass = leaf.compares            ? static_cast<double>(slope_sum_[k][n][l])
                              : coefficient[k][l] == 0 ? 0
                                                       : -forms_[k][l].mass[n];
          for (std::size_t o = 0; o < input_count; ++o)
            if (target_.wanted[o] && leaf.to[n][o] != 0)
              projected_[o][s][l] += chain_[k][n][l] * leaf.to[n][o] * mass / sum_exp_[s][l];
        }
      }
    }
  }

  void finish_slopes(std::size_t o) {
    bool first = !kinds::any_swept;
    T* slopes = target_.slopes[o];
    for (int s = 0; s < plan_.site_count; ++s) {
      bool used = false;
      for (std::size_t l = 0; l < lanes; ++l) used = used || projected_[o][at(s)][l] != 0;
      if (!used) continue;
      const V coefficient = narrowed(projected_[o][at(s)], -1);
      for (index c = 0; c < columns_ * width; c += width) {
        const V g = first ? V(T(0)) : V::load_aligned(slopes + c);
        lane<V>::fma(coefficient, source_[at(s)].load(c), g).store_aligned(slopes + c);
      }
      first = false;
    }
    for (index c = 0; first && c < columns_ * width; c += width) V(T(0)).store_aligned(slopes + c);
  }

  using lane_row = leaf_lanes<T, lane_reader<T>>;
  struct form {
    std::array<double, most_sites> mass{}, patch{};
  };

  const sum_of<X>& sum_;
  const row_plan<X>& plan_;
  index columns_, first_ = 0;
  std::size_t count_ = 0;

  std::array<T*, capacity> transposed_{}, kept_{};
  std::array<lane_reader<T>, capacity> rows_{};
  std::array<kept_row<T>, capacity> source_{};
  alignas(cache_line) std::array<per_lane<T>, capacity> max_{}, min_{}, scale_{};
  std::array<per_lane<double>, capacity> sum_exp_{};
  per_lane<bool> ordinary_{};

  std::array<lane_row, leaves> leaf_rows_{};
  std::array<per_lane<form>, leaves> forms_{};
  per_lane<index> label_{};
  std::array<per_lane<double>, leaves> factor_{}, values_{};
  std::array<std::array<per_lane<double>, most_sites>, leaves> chain_{};
  alignas(cache_line) std::array<std::array<per_lane<T>, 2>, leaves> slope_sum_{};
  std::array<std::array<per_lane<double>, capacity>, input_count> projected_{};
  slope_targets<T, static_cast<int>(leaves)> target_;
};

}  // namespace detail
DISTILL_NAMESPACE_END
