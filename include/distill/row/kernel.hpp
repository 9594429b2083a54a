// One row of one expression on one core: statistics, the fused sweep over the classes, the projected gradient.
#pragma once

#include <array>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

#include "../config.hpp"
#include "../core/simd.hpp"
#include "fused.hpp"
#include "fused_sweep.hpp"
#include "moments.hpp"
#include "ordered_leaves.hpp"
#include "plan.hpp"
#include "sites.hpp"
#include "stored_leaves.hpp"
#include "sweeps.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class L>
L bound(const L& leaf, const row_scalars& row) {
  if constexpr (binds<L>)
    return leaf.bind(row);
  else
    return leaf;
}

template <class L, class Number, std::size_t K>
folded<static_cast<int>(K), Number> fold_of(const L& leaf, const std::array<Number, K>& sums) {
  if constexpr (folds<L>) {
    static_assert(
        requires { leaf.fold(sums); }, "to be differentiated twice, fold must also take dual<double>");
    return leaf.fold(sums);
  } else {
    return {sums[0], {Number(1)}};
  }
}

template <class T, row_objective X>
class row_kernel {
  using V = simd<T>;
  using kinds = leaf_kinds<sum_of<X>>;
  using number = wide<T>;
  static constexpr int leaves = sum_of<X>::leaves;
  static constexpr std::size_t capacity = static_cast<std::size_t>(row_plan<X>::capacity);

 public:
  using leaf_numbers = std::array<number, leaves>;
  using statistics_row = typename row_plan<X>::template statistics_row<number>;

  /// Elements of scratch for rows of this length.
  static index scratch_size(const row_plan<X>& plan, index columns) {
    return row_sites<T, X>::scratch_size(plan, columns) + input_count * scratch_stride<T>(columns) +
           ordered_leaves<T, X>::scratch_size(columns) + stored_leaves<T, X>::scratch_size(plan);
  }

  row_kernel(const sum_of<X>& sum, const row_plan<X>& plan, index columns, T* scratch)
      : sum_(sum),
        plan_(plan),
        columns_(columns),
        sites_(plan, columns, scratch),
        ordered_(columns, scratch),
        stored_(plan, scratch) {
    for (T*& slopes : own_slopes_) slopes = take(scratch, scratch_stride<T>(columns));
    for (int s = 0; s < plan.site_count; ++s) any_standardised_ = any_standardised_ || plan.sites[at(s)].standardised;
  }
  row_kernel(const row_kernel&) = delete;  // moments_ refers to its neighbours

  /// Reads the row and takes the statistics of every site, or adopts `given` ones.
  void open(index row, index label, const row_memory<T>& memory, const statistics_row* given = nullptr) {
    row_ = row;
    label_ = label;
    for (std::size_t o = 0; o < ahead_.size(); ++o)
      ahead_[o] = row_ahead<T>(memory.next[o], columns_, row_ahead<T>::part::second_half, own_slopes_[0]);
    sites_.open(row, label, memory, given);
  }
  const statistics_row& statistics() const { return sites_.statistics(); }

  /// The leaves' values, T² included. Inactive leaves are not evaluated and have value 0.
  leaf_numbers values(const std::array<bool, leaves>& active) {
    target_.wanted = {};
    prepare(active, false);
    if constexpr (kinds::any_swept) sweep<sweep_kind::values>();
    return leaf_values();
  }

  /// The same, and Σ_k coefficient[k] · ∇leaf_k into the wanted outputs, where coefficient = weigh(values). A
  /// coefficient of 0 removes the leaf's gradient. `to_temperature`, if not null, receives coefficient[k] ∂leaf_k/∂T.
  template <class Weigh>
  leaf_numbers values_and_gradient(const std::array<bool, leaves>& active, const Weigh& weigh,
                                   const row_memory<T>& memory, number* to_temperature) {
    const bool moments = to_temperature || any_standardised_;
    for (std::size_t o = 0; o < input_count; ++o) target_.wanted[o] = memory.out[o] != nullptr;
    prepare(active, moments);
    has_slopes_ = {};
    target_.slopes = place_slopes();
    for (auto& of_output : projected_) of_output.fill(0);
    if constexpr (kinds::any_fold || kinds::swept_group) sweep<sweep_kind::values>();
    const leaf_numbers coefficient = weigh(leaf_values());
    if constexpr (kinds::any_group)
      for (std::size_t k = 0; k < outcome_.size(); ++k)  // a probe has done its part
        lanes_[k].active = outcome_[k].active = outcome_[k].active && !vanishes(coefficient[k]);
    if (moments) {
      if constexpr (kinds::any_swept) sweep<sweep_kind::moments>();
      moments_.take_distances();
    }
    if constexpr (kinds::any_swept) {
      set_slope_weights(coefficient);
      if (!moments && usual(coefficient))
        sweep<sweep_kind::plain>();
      else
        sweep<sweep_kind::general>();
    }
    if constexpr (kinds::ordered_leaves > 0) add_ordered(coefficient);
    project_slopes(coefficient);
    add_closed_forms(coefficient);
    if (moments) moments_.finish(outcome_, row_);
    if (any_standardised_) add_deviations(coefficient);
    for (std::size_t o = 0; o < input_count; ++o)
      if (target_.wanted[o]) write(o, memory.out[o], coefficient, memory.how[o]);
    for (std::size_t k = 0; to_temperature && k < outcome_.size(); ++k)
      to_temperature[k] = coefficient[k] * moments_.temperature_slope(outcome_[k], k);
    return leaf_values();
  }

 private:
  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }
  using leaf_row = leaf_lanes<T, row_reader<T>>;
  static constexpr auto swept = []<class... Ls>(const weighted_sum<Ls...>*) {
    return std::array<bool, static_cast<std::size_t>(leaves)>{compares_rows<Ls>...};
  }(static_cast<const sum_of<X>*>(nullptr));

  leaf_numbers leaf_values() const {
    leaf_numbers result{};
    for (std::size_t k = 0; k < outcome_.size(); ++k) result[k] = outcome_[k].value;
    return result;
  }

  void prepare(const std::array<bool, leaves>& active, bool moments) {
    sum_.each([&]<class L>(auto k, const weighted<L>& item) {
      leaf_outcome<number>& leaf = outcome_[k];
      lanes_[k].active = leaf.active = active[k];
      leaf.temperature = item.leaf.temperature[row_];
      leaf.squared = item.leaf.scaling == temperature_scaling::squared;
      leaf.factor = leaf.squared ? leaf.temperature * leaf.temperature : 1;
      leaf.value = 0;
      if (!leaf.active) return;
      if constexpr (compares_rows<L> || sees_whole_row<L>)
        prepare_pair<L>(lanes_[k], plan_.leaf[k].site[0], plan_.leaf[k].site[1]);
      if constexpr (sees_whole_row<L>) evaluate_ordered(k, item.leaf, moments);
      if constexpr (stored<L>) evaluate_stored(k, item.leaf);
      if constexpr (statistic<L>) evaluate_statistic(k, item.leaf);
    });
  }

  template <class L>
  void prepare_pair(leaf_row& leaf, int s, int t) {
    using std::log;
    leaf.z_s = sites_.reader(s);
    leaf.z_t = sites_.reader(t);
    leaf.scale_s = V(sites_.scale(s));
    leaf.scale_t = V(sites_.scale(t));
    leaf.one_scale = identical(sites_.scale(s), sites_.scale(t));
    leaf.centre_s = V(sites_.max(s));
    leaf.centre_t = V(sites_.max(t));
    if constexpr (separable<L> || ordered<L>) {
      leaf.kept_s = sites_.kept(s);
      leaf.kept_t = sites_.kept(t);
      leaf.inverse_s = V(static_cast<T>(1 / sites_.sum_exp(s)));
      leaf.inverse_t = V(static_cast<T>(1 / sites_.sum_exp(t)));
      const number top_s = number(sites_.max(s)), top_t = number(sites_.max(t));
      const number per_s = number(sites_.scale(s)), per_t = number(sites_.scale(t));
      // The difference of the normalisers in double, as a sum of two T: a common shift of the logits costs no digits.
      const number offset = (top_s - top_t) * per_s + log(sites_.sum_exp(s) / sites_.sum_exp(t));
      leaf.excess = V(static_cast<T>(per_s - per_t));
      leaf.offset = V(static_cast<T>(offset));
      leaf.offset_rest = V(static_cast<T>(offset - static_cast<number>(static_cast<T>(offset))));
      if constexpr (reads_log_probabilities<L>) {
        leaf.log_sum_s = V(static_cast<T>(sites_.log_sum(s)));
        leaf.log_sum_t = V(static_cast<T>(sites_.log_sum(t)));
      }
    }
  }

  template <class L>
  void evaluate_ordered(std::size_t k, const L& leaf, bool moments) {
    const planned_leaf& planned = plan_.leaf[k];
    std::array<bool, 2> wanted{moments, moments};
    for (std::size_t n = 0; n < 2; ++n)
      for (std::size_t o = 0; o < input_count; ++o)
        wanted[n] = wanted[n] || (target_.wanted[o] && planned.to[n][o] != 0);
    leaf_outcome<number>& own = outcome_[k];
    const index label = label_ >= 0 && label_ < columns_ ? label_ : -1;
    own.value =
        own.factor * ordered_.evaluate(k, leaf, lanes_[k], sites_, planned.site[0], planned.site[1], label, wanted);
    for (std::size_t n = 0; n < 2; ++n) {
      const int s = planned.site[n];
      own.slope_sum[n] = wanted[n] ? ordered_.slope_sum(k, n) : number(0);
      if (moments) moments_.of(k, n) = ordered_.moment(k, n, sites_.reader(s).data(), sites_.max(s));
    }
  }

  template <class L>
  void evaluate_stored(std::size_t k, const L& leaf) {
    const auto& site = plan_.leaf[k].site;
    const stored_form<number> answer = stored_.evaluate(k, leaf, row_, sites_, site[0], site[1]);
    outcome_[k].mass = {answer.mass, answer.rest_mass};
    outcome_[k].spread = outcome_[k].patch = {};
    outcome_[k].value = outcome_[k].factor * answer.value;
  }

  template <class L>
  void evaluate_statistic(std::size_t k, const L& leaf) {
    constexpr int n = sites_per<L>;
    bool with_mean = false;
    if constexpr (requires { leaf.needs_mean(); }) with_mean = leaf.needs_mean();
    row_statistics<n, number> row{.label = label_, .columns = columns_};
    for (std::size_t i = 0; i < row.site.size(); ++i) row.site[i] = sites_.summary(plan_.leaf[k].site[i], with_mean);
    static_assert(
        requires { leaf.evaluate(row); }, "to be differentiated twice, evaluate must also take dual<double>");
    const closed_form<n, number> answer = leaf.evaluate(row);
    leaf_outcome<number>& own = outcome_[k];
    for (std::size_t i = 0; i < row.site.size(); ++i) {
      own.mass[i] = answer.mass[i];
      own.spread[i] = answer.spread[i];
      own.patch[i] = answer.patch[i];
    }
    own.value = own.factor * answer.value;
  }

  bool usual(const leaf_numbers& coefficient) const {
    bool result = target_.wanted[0];
    for (std::size_t o = 1; o < input_count; ++o) result = result && !target_.wanted[o];
    for (std::size_t k = 0; k < lanes_.size(); ++k)
      result = result && (!swept[k] ||
                          (lanes_[k].active && lanes_[k].one_scale && !crosses(plan_.leaf[k]) && coefficient[k] != 0));
    return result;
  }

  template <sweep_kind Kind>
  void sweep() {
    [&]<class... Ls, std::size_t... I>(const weighted_sum<Ls...>& sum, std::index_sequence<I...>) {
      const std::tuple leaf{bound(sum.template get<I>().leaf, row_scalars{row_, columns_})...};
      const auto total = fused_sweep<Kind, T>(leaf, lanes_, target_, ahead_, sites_.reader(0), sites_.end());
      (finish<Kind>(I, std::get<I>(leaf), std::get<I>(total)), ...);
    }(sum_, std::make_index_sequence<static_cast<std::size_t>(leaves)>{});
    if constexpr (Kind == sweep_kind::plain || Kind == sweep_kind::general) has_slopes_ = target_.wanted;
  }
  template <sweep_kind Kind, class L>
  void finish(std::size_t k, const L& leaf, const swept_sums<L, number>& total) {
    if constexpr (compares_rows<L>) {
      if (!outcome_[k].active) return;
      if constexpr (Kind == sweep_kind::moments) {
        moments_.of(k, 0) = total.to_student;
        moments_.of(k, 1) = total.to_teacher;
      } else {
        const auto result = fold_of(leaf, total.term);
        outcome_[k].value = outcome_[k].factor * result.value;
        static_assert(sums_of<L>() <= largest_fold);
        for (std::size_t i = 0; i < result.partial.size(); ++i) target_.partial[k][i] = result.partial[i];
        if constexpr (Kind != sweep_kind::values) outcome_[k].slope_sum = {total.to_student, total.to_teacher};
      }
    }
  }

  /// The student's slopes may overwrite the teacher's exponentials batch by batch, when nobody will project onto them:
  /// one row less in the cache.
  std::array<T*, input_count> place_slopes() const {
    std::array<T*, input_count> slopes = own_slopes_;
    for (int s = 0; s < plan_.site_count && !target_.wanted[1]; ++s)
      if (plan_.sites[at(s)].base < 0 && plan_.rows[at(plan_.sites[at(s)].row)].only() == 1) slopes[0] = sites_.kept(s);
    return slopes;
  }

  /// ∂/∂z of site n of leaf k in output o carries the coefficient, the T² factor, the site's scale and the input's
  /// share in the mixed row.
  number chain(std::size_t k, const leaf_numbers& coefficient, std::size_t n, std::size_t o) const {
    const planned_leaf& leaf = plan_.leaf[k];
    return outcome_[k].active ? coefficient[k] * outcome_[k].factor * leaf.to[n][o] * sites_.slope(leaf.site[n])
                              : number(0);
  }

  void set_slope_weights(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < outcome_.size(); ++k) {
      if (!plan_.leaf[k].compares) continue;
      for (std::size_t n = 0; n < 2; ++n)
        for (std::size_t o = 0; o < input_count; ++o) {
          const number weight = chain(k, coefficient, n, o);
          target_.weight[k][n][o] = V(static_cast<T>(weight));
          target_.feeds[k][n][o] = target_.wanted[o] && !vanishes(weight);
        }
    }
  }

  /// slopes += weight · an ordered leaf's own.
  void add_ordered(const leaf_numbers& coefficient) {
    sum_.each([&]<class L>(auto k, const weighted<L>&) {
      if constexpr (sees_whole_row<L>) {
        for (std::size_t n = 0; outcome_[k].active && n < 2; ++n)
          for (std::size_t o = 0; o < input_count; ++o) {
            const T weight = static_cast<T>(chain(k, coefficient, n, o));
            if (!target_.wanted[o] || vanishes(weight)) continue;
            const T* own = ordered_.slopes(k, n);
            T* slopes = target_.slopes[o];
            for (index c = 0; c < columns_; ++c)
              slopes[c] = has_slopes_[o] ? slopes[c] + weight * own[c] : weight * own[c];
            for (index c = columns_; c < sites_.end() && !has_slopes_[o]; ++c) slopes[c] = 0;
            has_slopes_[o] = true;
          }
      }
    });
  }

  void project_slopes(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < outcome_.size(); ++k) {
      if (!plan_.leaf[k].projects || !outcome_[k].active) continue;
      for (std::size_t n = 0; n < 2; ++n) add_projection(k, coefficient, n, outcome_[k].slope_sum[n]);
    }
  }
  void add_projection(std::size_t k, const leaf_numbers& coefficient, std::size_t n, number mass) {
    const int s = plan_.leaf[k].site[n];
    for (std::size_t o = 0; o < input_count; ++o)
      if (const number weight = chain(k, coefficient, n, o); target_.wanted[o] && !vanishes(weight))
        projected_[o][at(s)] += weight * mass / sites_.sum_exp(s);
  }

  void add_closed_forms(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < outcome_.size(); ++k) {
      const planned_leaf& leaf = plan_.leaf[k];
      const leaf_outcome<number>& own = outcome_[k];
      if (leaf.compares || !own.active) continue;
      for (std::size_t n = 0; n < at(leaf.sites); ++n) {
        if (!vanishes(own.mass[n])) add_projection(k, coefficient, n, -own.mass[n]);
        if (vanishes(own.spread[n])) continue;
        for (std::size_t o = 0; o < input_count; ++o)
          add_line(o, sites_.reader(leaf.site[n]),
                   {.constant = static_cast<T>(chain(k, coefficient, n, o) * own.spread[n])});
      }
    }
  }
  void add_line(std::size_t o, const row_reader<T>& row, const affine<T>& line) {
    if (!target_.wanted[o] || (vanishes(line.constant) && vanishes(line.slope))) return;
    add_affine(row, sites_.end(), line, target_.slopes[o], !has_slopes_[o]);
    has_slopes_[o] = true;
  }

  /// A standardised row's scale moves with its logits: ∂scale/∂z = -scale (z - mean)/squares.
  void add_deviations(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < outcome_.size(); ++k)
      for (std::size_t n = 0; n < at(plan_.leaf[k].sites); ++n) {
        const int s = plan_.leaf[k].site[n];
        const auto& deviation = sites_.deviation_of(s);
        if (!plan_.sites[at(s)].standardised || !outcome_[k].active || deviation.flat) continue;
        for (std::size_t o = 0; o < input_count; ++o) {
          const number slope = -chain(k, coefficient, n, o) * moments_.of(k, n) / deviation.squares;
          add_line(o, deviation.row, {.slope = static_cast<T>(slope), .centre = static_cast<T>(deviation.mean)});
        }
      }
  }

  void write(std::size_t output, T* out, const leaf_numbers& coefficient, row_store how) {
    std::array<projection<T>, capacity> sites;
    std::size_t count = 0;
    for (int s = 0; s < plan_.site_count; ++s)
      if (!vanishes(projected_[output][at(s)]))
        sites[count++] = {sites_.source(s), static_cast<T>(projected_[output][at(s)])};
    write_gradient<T>(out, columns_, has_slopes_[output] ? target_.slopes[output] : nullptr, {sites.data(), count},
                      how);
    if constexpr (kinds::any_stored)
      for (std::size_t k = 0; k < outcome_.size(); ++k)
        if (const number weight = stored_.has[k] ? chain(k, coefficient, 0, output) : number(0); !vanishes(weight))
          stored_.each(k, row_, [&](index c, number slope) { out[c] += static_cast<T>(weight * slope); });
    if (label_ < 0 || label_ >= columns_) return;
    number patch = 0;
    for (std::size_t k = 0; k < outcome_.size(); ++k)
      for (std::size_t n = 0; !plan_.leaf[k].compares && outcome_[k].active && n < at(plan_.leaf[k].sites); ++n)
        if (const number weight = chain(k, coefficient, n, output); !vanishes(weight))
          patch += weight * outcome_[k].patch[n];
    if (!vanishes(patch)) out[label_] += static_cast<T>(patch);
  }

  const sum_of<X>& sum_;
  const row_plan<X>& plan_;
  index columns_;
  index row_ = 0, label_ = -1;
  row_sites<T, X> sites_;
  ordered_leaves<T, X> ordered_;
  stored_leaves<T, X> stored_;
  row_moments<T, X> moments_{plan_, sites_, stored_};
  bool any_standardised_ = false;

  std::array<T*, input_count> own_slopes_{};
  std::array<row_ahead<T>, 2> ahead_{};  // student and teacher
  std::array<leaf_row, static_cast<std::size_t>(leaves)> lanes_{};
  row_outcome<X, number> outcome_{};
  slope_targets<T, leaves> target_;
  std::array<bool, input_count> has_slopes_{};
  std::array<std::array<number, capacity>, input_count> projected_{};
};

}  // namespace detail
DISTILL_NAMESPACE_END
