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
#include "plan.hpp"
#include "sites.hpp"
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

template <class L, std::size_t K>
folded<static_cast<int>(K)> fold_of(const L& leaf, const std::array<double, K>& sums) {
  if constexpr (folds<L>)
    return leaf.fold(sums);
  else
    return {sums[0], {1.0}};
}

template <class T, row_objective X>
class row_kernel {
  using V = simd<T>;
  using kinds = leaf_kinds<sum_of<X>>;
  static constexpr int leaves = sum_of<X>::leaves;
  static constexpr index w = lanes_of<T>;

 public:
  using leaf_numbers = std::array<double, leaves>;
  using statistics_row = typename row_plan<X>::statistics_row;

  /// Elements of scratch for rows of this length.
  static index scratch_size(const row_plan<X>& plan, index columns) {
    const index ordered_rows = kinds::ordered_leaves > 0 ? 3 + 2 * rank_rows + 2 * kinds::ordered_leaves : 0;
    return row_sites<T, X>::scratch_size(plan, columns) + (input_count + ordered_rows) * scratch_stride<T>(columns) +
           stored_size(plan) * (2 + leaves);
  }

  row_kernel(const sum_of<X>& sum, const row_plan<X>& plan, index columns, T* scratch)
      : sum_(sum), plan_(plan), columns_(columns), sites_(plan, columns, scratch) {
    scratch += row_sites<T, X>::scratch_size(plan, columns);
    const auto row = [&] { return std::exchange(scratch, scratch + scratch_stride<T>(columns)); };
    for (T*& slopes : own_slopes_) slopes = row();
    if constexpr (kinds::ordered_leaves > 0) {
      for (T*& each : whole_) each = row();
      for (auto*& ranks : ranks_) {
        ranks = reinterpret_cast<ranked<T>*>(scratch);
        scratch += rank_rows * scratch_stride<T>(columns);
      }
      for (auto& of_leaf : ordered_slopes_)
        for (T*& slopes : of_leaf) slopes = row();
    }
    if constexpr (kinds::any_stored) {
      const auto numbers = [&] {
        return reinterpret_cast<double*>(std::exchange(scratch, scratch + stored_size(plan)));
      };
      for (double*& each : stored_logs_) each = numbers();
      for (double*& each : stored_slopes_) each = numbers();
    }
    for (int s = 0; s < plan.site_count; ++s) any_standardised_ = any_standardised_ || plan.sites[at(s)].standardised;
  }

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
    prepare(active, false);
    if constexpr (kinds::any_swept) sweep<sweep_kind::values>();
    return values_;
  }

  /// The same, and Σ_k coefficient[k] · ∇leaf_k into the wanted outputs, where coefficient = weigh(values). A
  /// coefficient of 0 removes the leaf's gradient. `to_temperature`, if not null, receives coefficient[k] ∂leaf_k/∂T.
  template <class Weigh>
  leaf_numbers values_and_gradient(const std::array<bool, leaves>& active, const Weigh& weigh,
                                   const row_memory<T>& memory, double* to_temperature) {
    prepare(active, true);
    has_slopes_ = {};
    const bool moments = to_temperature || any_standardised_;
    for (std::size_t o = 0; o < input_count; ++o) target_.wanted[o] = memory.out[o] != nullptr;
    target_.slopes = place_slopes();
    for (auto& of_output : projected_) of_output.fill(0);
    if constexpr (kinds::any_fold || kinds::swept_group) sweep<sweep_kind::values>();
    const leaf_numbers coefficient = weigh(values_);
    if constexpr (kinds::any_group)
      for (std::size_t k = 0; k < leaf_rows_.size(); ++k)  // a probe has done its part
        leaf_rows_[k].active = leaf_rows_[k].active && coefficient[k] != 0;
    if (moments) take_moments();
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
    if (moments) finish_moments();
    if (any_standardised_) add_deviations(coefficient);
    for (std::size_t o = 0; o < input_count; ++o)
      if (target_.wanted[o]) write(o, memory.out[o], coefficient, memory.how[o]);
    for (std::size_t k = 0; to_temperature && k < leaf_rows_.size(); ++k)
      to_temperature[k] = coefficient[k] * temperature_slope(k);
    return values_;
  }

 private:
  static constexpr std::size_t capacity = static_cast<std::size_t>(row_plan<X>::capacity);
  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }
  using leaf_row = leaf_lanes<T, row_reader<T>>;

  /// Rows of T that a row of ranks takes.
  static constexpr index rank_rows = static_cast<index>((sizeof(ranked<T>) + sizeof(T) - 1) / sizeof(T));
  /// Elements of T that a number for each stored class takes.
  static index stored_size(const row_plan<X>& plan) {
    return padded(plan.stored.classes.columns() * static_cast<index>(sizeof(double) / sizeof(T)),
                  static_cast<index>(cache_line / sizeof(T)));
  }

  void prepare(const std::array<bool, leaves>& active, bool with_slopes) {
    [[maybe_unused]] std::size_t ordered_number = 0;
    values_.fill(0);
    sum_.each([&]<class L>(auto k, const weighted<L>& item) {
      leaf_row& leaf = leaf_rows_[k];
      leaf.active = active[k];
      temperature_[k] = item.leaf.temperature[row_];
      squared_[k] = item.leaf.scaling == temperature_scaling::squared;
      factor_[k] = squared_[k] ? temperature_[k] * temperature_[k] : 1;
      [[maybe_unused]] const std::size_t number = ordered<L> ? ordered_number++ : 0;
      if (!leaf.active) return;
      if constexpr (compares_rows<L> || ordered<L>) prepare_pair<L>(leaf, plan_.leaf[k].site[0], plan_.leaf[k].site[1]);
      if constexpr (ordered<L>) evaluate_ordered(k, item.leaf, number, with_slopes);
      if constexpr (stored<L>) evaluate_stored(k, item.leaf);
      if constexpr (statistic<L>) evaluate_statistic(k, item.leaf);
    });
  }

  template <class L>
  void evaluate_ordered(std::size_t k, const L& leaf, std::size_t number, bool with_slopes) {
    leaf_row row = leaf_rows_[k];
    for (index block = 0; block < sites_.end();) {
      const index stop = sites_.reader(0).block_end(block);
      row.enter(block);
      for (index i = block; i < stop; i += w) {
        const element<V> x = row.template at<L, false>(i);
        x.d.store_aligned(whole_[0] + i);
        x.p_s.store_aligned(whole_[1] + i);
        x.p_t.store_aligned(whole_[2] + i);
      }
      block = stop;
    }
    whole_row<T> all{.columns = columns_, .d = whole_[0], .p_s = whole_[1], .p_t = whole_[2]};
    if (with_slopes) all.to_student = ordered_slopes_[number][0], all.to_teacher = ordered_slopes_[number][1];
    all.ranks = ranks_[0];
    all.more_ranks = ranks_[1];
    values_[k] = factor_[k] * leaf.evaluate(all);
    ordered_number_[k] = number;
    for (std::size_t n = 0; with_slopes && n < 2; ++n) {
      const T* slopes = ordered_slopes_[number][n];
      const int s = plan_.leaf[k].site[n];
      const T* z = sites_.reader(s).data();
      double sum = 0, moment = 0;
      for (index c = 0; c < columns_; ++c) {
        sum += static_cast<double>(slopes[c]);
        if (slopes[c] != 0) moment += static_cast<double>(slopes[c]) * static_cast<double>(z[c] - sites_.max(s));
      }
      slope_sum_[k][n] = sum;
      moment_[k][n] = moment;
    }
  }

  /// slopes += weight · an ordered leaf's own.
  void add_ordered(const leaf_numbers& coefficient) {
    sum_.each([&]<class L>(auto k, const weighted<L>&) {
      if constexpr (ordered<L>) {
        for (std::size_t n = 0; leaf_rows_[k].active && n < 2; ++n)
          for (std::size_t o = 0; o < input_count; ++o) {
            const T weight = static_cast<T>(chain(k, coefficient, n, o));
            if (!target_.wanted[o] || weight == 0) continue;
            const T* own = ordered_slopes_[ordered_number_[k]][n];
            T* slopes = target_.slopes[o];
            for (index c = 0; c < columns_; ++c)
              slopes[c] = has_slopes_[o] ? slopes[c] + weight * own[c] : weight * own[c];
            for (index c = columns_; c < sites_.end() && !has_slopes_[o]; ++c) slopes[c] = 0;
            has_slopes_[o] = true;
          }
      }
    });
  }

  template <class L>
  void evaluate_stored(std::size_t k, const L& leaf) {
    const stored_teacher& teacher = plan_.stored;
    const int s = plan_.leaf[k].site[0], rest = plan_.leaf[k].site[1];
    const double top = static_cast<double>(sites_.max(s)), per = static_cast<double>(sites_.scale(s));
    const double log_sum = sites_.log_sum(s);
    std::size_t count = 0;
    for (index j = 0; j < teacher.classes.columns(); ++j) {
      const index c = teacher.classes(row_, j);
      if (c < 0) continue;
      stored_logs_[0][count] = teacher.log_p(row_, j);
      stored_logs_[1][count] = (static_cast<double>(sites_.reader(s).at(c)) - top) * per - log_sum;
      ++count;
    }
    stored_row row{
        .log_t = {stored_logs_[0], count}, .log_s = {stored_logs_[1], count}, .slopes = {stored_slopes_[k], count}};
    if (leaf.reads_rest())
      row.log_rest_s = sites_.summary(rest, false).log_sum_exp - sites_.summary(s, false).log_sum_exp;
    const stored_form answer = leaf.evaluate(row);
    forms_[k] = {};
    forms_[k].mass = {answer.mass, answer.rest_mass};
    values_[k] = factor_[k] * answer.value;
  }

  /// f(class, slope) for every stored class of leaf k.
  template <class F>
  void each_stored(std::size_t k, const F& f) const {
    std::size_t count = 0;
    for (index j = 0; j < plan_.stored.classes.columns(); ++j)
      if (const index c = plan_.stored.classes(row_, j); c >= 0) f(c, stored_slopes_[k][count++]);
  }

  template <class L>
  void prepare_pair(leaf_row& leaf, int s, int t) {
    leaf.z_s = sites_.reader(s);
    leaf.z_t = sites_.reader(t);
    leaf.scale_s = V(sites_.scale(s));
    leaf.scale_t = V(sites_.scale(t));
    leaf.one_scale = sites_.scale(s) == sites_.scale(t);
    leaf.centre_s = V(sites_.max(s));
    leaf.centre_t = V(sites_.max(t));
    if constexpr (separable<L> || ordered<L>) {
      leaf.kept_s = sites_.kept(s);
      leaf.kept_t = sites_.kept(t);
      leaf.inverse_s = V(static_cast<T>(1 / sites_.sum_exp(s)));
      leaf.inverse_t = V(static_cast<T>(1 / sites_.sum_exp(t)));
      const double top_s = double(sites_.max(s)), top_t = double(sites_.max(t));
      const double per_s = double(sites_.scale(s)), per_t = double(sites_.scale(t));
      // The difference of the normalisers in double, as a sum of two T: a common shift of the logits costs no digits.
      const double offset = (top_s - top_t) * per_s + std::log(sites_.sum_exp(s) / sites_.sum_exp(t));
      leaf.excess = V(static_cast<T>(per_s - per_t));
      leaf.offset = V(static_cast<T>(offset));
      leaf.offset_rest = V(static_cast<T>(offset - static_cast<double>(static_cast<T>(offset))));
      if constexpr (reads_log_probabilities<L>) {
        leaf.log_sum_s = V(static_cast<T>(sites_.log_sum(s)));
        leaf.log_sum_t = V(static_cast<T>(sites_.log_sum(t)));
      }
    }
  }

  template <class L>
  void evaluate_statistic(std::size_t k, const L& leaf) {
    constexpr int n = sites_per<L>;
    bool with_mean = false;
    if constexpr (requires { leaf.needs_mean(); }) with_mean = leaf.needs_mean();
    row_statistics<n> row{.label = label_, .columns = columns_};
    for (std::size_t i = 0; i < row.site.size(); ++i) row.site[i] = sites_.summary(plan_.leaf[k].site[i], with_mean);
    const closed_form<n> answer = leaf.evaluate(row);
    form& kept = forms_[k];
    for (std::size_t i = 0; i < row.site.size(); ++i) {
      kept.mass[i] = answer.mass[i];
      kept.spread[i] = answer.spread[i];
      kept.patch[i] = answer.patch[i];
    }
    values_[k] = factor_[k] * answer.value;
  }

  bool usual(const leaf_numbers& coefficient) const {
    bool result = target_.wanted[0];
    for (std::size_t o = 1; o < input_count; ++o) result = result && !target_.wanted[o];
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k)
      result = result && (!plan_.leaf[k].compares || (leaf_rows_[k].active && leaf_rows_[k].one_scale &&
                                                      !crosses(plan_.leaf[k]) && coefficient[k] != 0));
    return result;
  }

  /// The fused sweep: every comparing leaf's terms and, unless only values are asked for, the weighted slopes into
  /// scratch.
  template <sweep_kind Kind>
  void sweep() {
    constexpr bool writes = Kind == sweep_kind::plain || Kind == sweep_kind::general;
    [&]<class... Ls, std::size_t... I>(const weighted_sum<Ls...>& sum, std::index_sequence<I...>) {
      const row_scalars scalars{row_, columns_};
      const std::tuple leaf{bound(sum.template get<I>().leaf, scalars)...};
      std::tuple total{leaf_sums<sums_or_one<Ls>(), double>(0.0)...};
      // Copies on the stack: the compiler may keep them in registers across the stores to scratch.
      std::array rows = leaf_rows_;
      const std::array ahead = ahead_;
      const slope_targets<T, leaves> target = target_;
      for (index block = 0; block < sites_.end();) {
        const index stop = sites_.reader(0).block_end(block);  // rows of one length have the same blocks
        (rows[I].enter(block), ...);
        std::tuple part{leaf_sums<sums_or_one<Ls>(), V>(V(T(0)))...};
        for (index i = block; i < stop; i += w) {
          ahead[0].ask(i);
          ahead[1].ask(i);
          std::array<V, input_count> to{V(T(0)), V(T(0)), V(T(0))};
          (step<Kind, I>(std::get<I>(leaf), rows[I], target, i, std::get<I>(part), to), ...);
          if constexpr (Kind == sweep_kind::plain) {
            to[0].store_aligned(target.slopes[0] + i);
          } else if constexpr (writes) {
            for (std::size_t o = 0; o < input_count; ++o)
              if (target.wanted[o]) to[o].store_aligned(target.slopes[o] + i);
          }
        }
        (flush<Kind, Ls>(std::get<I>(total), std::get<I>(part), rows[I].active), ...);
        block = stop;
      }
      (finish<Kind, Ls, I>(std::get<I>(leaf), std::get<I>(total)), ...);
    }(sum_, std::make_index_sequence<static_cast<std::size_t>(leaves)>{});
    if constexpr (writes) has_slopes_ = target_.wanted;
  }
  template <class L>
  static constexpr int sums_or_one() {
    if constexpr (compares_rows<L>)
      return sums_of<L>();
    else
      return 1;
  }

  template <sweep_kind Kind, std::size_t I, class L, class Sums>
  DISTILL_INLINE static void step(const L& leaf, const leaf_row& row, const slope_targets<T, leaves>& target, index i,
                                  Sums& part, std::array<V, input_count>& to) {
    if constexpr (compares_rows<L>)
      if (Kind == sweep_kind::plain || row.active) fused_step<Kind, I, T>(leaf, row, target, i, part, to);
  }

  template <sweep_kind Kind, class L, class Total, class Part>
  DISTILL_INLINE static void flush(Total& total, const Part& part, bool active) {
    if constexpr (compares_rows<L>) {
      if (!active) return;
      for (std::size_t k = 0; k < total.term.size() && Kind != sweep_kind::moments; ++k)
        total.term[k] += reduce_sum<T>(part.term[k]);
      if constexpr (Kind != sweep_kind::values) {
        total.to_student += reduce_sum<T>(part.to_student);
        if constexpr (Kind != sweep_kind::plain) total.to_teacher += reduce_sum<T>(part.to_teacher);
      }
    }
  }

  template <sweep_kind Kind, class L, std::size_t I, class Total>
  void finish(const L& leaf, const Total& total) {
    if constexpr (compares_rows<L>) {
      if (!leaf_rows_[I].active) return;
      if constexpr (Kind == sweep_kind::moments) {
        moment_[I][0] = total.to_student;
        moment_[I][1] = total.to_teacher;
      } else {
        const auto result = fold_of(leaf, total.term);
        values_[I] = factor_[I] * result.value;
        static_assert(sums_of<L>() <= largest_fold);
        for (std::size_t k = 0; k < result.partial.size(); ++k) target_.partial[I][k] = result.partial[k];
        if constexpr (Kind != sweep_kind::values) slope_sum_[I] = {total.to_student, total.to_teacher};
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
  double chain(std::size_t k, const leaf_numbers& coefficient, std::size_t n, std::size_t o) const {
    const planned_leaf& leaf = plan_.leaf[k];
    return leaf_rows_[k].active ? coefficient[k] * factor_[k] * leaf.to[n][o] * sites_.slope(leaf.site[n]) : 0;
  }

  void set_slope_weights(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k) {
      if (!plan_.leaf[k].compares) continue;
      for (std::size_t n = 0; n < 2; ++n)
        for (std::size_t o = 0; o < input_count; ++o) {
          const double weight = chain(k, coefficient, n, o);
          target_.weight[k][n][o] = V(static_cast<T>(weight));
          target_.feeds[k][n][o] = target_.wanted[o] && weight != 0;
        }
    }
  }

  void project_slopes(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k) {
      if (!plan_.leaf[k].projects || !leaf_rows_[k].active) continue;
      for (std::size_t n = 0; n < 2; ++n) add_projection(k, coefficient, n, slope_sum_[k][n]);
    }
  }
  void add_projection(std::size_t k, const leaf_numbers& coefficient, std::size_t n, double mass) {
    const int s = plan_.leaf[k].site[n];
    for (std::size_t o = 0; o < input_count; ++o)
      if (const double weight = chain(k, coefficient, n, o); target_.wanted[o] && weight != 0)
        projected_[o][at(s)] += weight * mass / sites_.sum_exp(s);
  }

  void add_closed_forms(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k) {
      const planned_leaf& leaf = plan_.leaf[k];
      if (leaf.compares || !leaf_rows_[k].active) continue;
      for (std::size_t n = 0; n < at(leaf.sites); ++n) {
        if (forms_[k].mass[n] != 0) add_projection(k, coefficient, n, -forms_[k].mass[n]);
        if (forms_[k].spread[n] == 0) continue;
        for (std::size_t o = 0; o < input_count; ++o)
          add_line(o, sites_.reader(leaf.site[n]),
                   {.constant = static_cast<T>(chain(k, coefficient, n, o) * forms_[k].spread[n])});
      }
    }
  }
  void add_line(std::size_t o, const row_reader<T>& row, const affine<T>& line) {
    if (!target_.wanted[o] || (line.constant == 0 && line.slope == 0)) return;
    add_affine(row, sites_.end(), line, target_.slopes[o], !has_slopes_[o]);
    has_slopes_[o] = true;
  }

  /// Sweeps that need the teacher's exponentials, which the student's slopes may overwrite.
  void take_moments() {
    if constexpr (kinds::any_swept) sweep<sweep_kind::moments>();
    for (int s = 0; s < plan_.site_count; ++s)
      mean_distance_[at(s)] = plan_.sites[at(s)].softmax ? sites_.mean_distance(s) : 0;
  }
  /// moment[k][n] becomes Σ_i ∂leaf_k/∂u_i · z_i over the tempered row u of site n, T² not included. Where the
  /// derivatives add up to 0, as they do behind a softmax, z may be measured from anywhere.
  void finish_moments() {
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k) {
      const planned_leaf& leaf = plan_.leaf[k];
      if (!leaf_rows_[k].active) continue;
      for (std::size_t n = 0; n < at(leaf.sites); ++n) {
        const int s = leaf.site[n];
        const double top = static_cast<double>(sites_.max(s));
        double& moment = moment_[k][n];
        if (leaf.projects)
          moment -= slope_sum_[k][n] * mean_distance_[at(s)];
        else if (leaf.compares)
          moment += slope_sum_[k][n] * top;
        else
          moment = closed_moment(k, n, s, top);
      }
    }
  }
  double closed_moment(std::size_t k, std::size_t n, int s, double top) const {
    const form& f = forms_[k];
    double moment = f.mass[n] == 0 ? 0 : f.mass[n] * mean_distance_[at(s)], total = f.mass[n];
    if (f.patch[n] != 0) moment += f.patch[n] * sites_.label_distance(s), total += f.patch[n];
    if (f.spread[n] != 0) {
      const kept_moments kept = moments_of(sites_.reader(s), sites_.end(), sites_.max(s), false);
      moment += f.spread[n] * static_cast<double>(kept.kept) * kept.mean;
      total += f.spread[n] * static_cast<double>(kept.kept);
    }
    if constexpr (kinds::any_stored)
      if (is_stored_[k] && n == 0)
        each_stored(k, [&](index c, double slope) {
          if (slope == 0) return;
          moment += slope * (static_cast<double>(sites_.reader(s).at(c)) - top);
          total += slope;
        });
    return total == 0 ? moment : moment + total * top;
  }

  /// A standardised row's scale moves with its logits: ∂scale/∂z = -scale (z - mean)/squares.
  void add_deviations(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k)
      for (std::size_t n = 0; n < at(plan_.leaf[k].sites); ++n) {
        const int s = plan_.leaf[k].site[n];
        const auto& deviation = sites_.deviation_of(s);
        if (!plan_.sites[at(s)].standardised || !leaf_rows_[k].active || deviation.flat) continue;
        for (std::size_t o = 0; o < input_count; ++o) {
          const double slope = -chain(k, coefficient, n, o) * moment_[k][n] / deviation.squares;
          add_line(o, deviation.row, {.slope = static_cast<T>(slope), .centre = static_cast<T>(deviation.mean)});
        }
      }
  }

  /// ∂leaf/∂T at the sites whose temperature is the leaf's own: scale = 1/T or 1/(T sd).
  double temperature_slope(std::size_t k) const {
    if (!leaf_rows_[k].active) return 0;
    double moments = 0;
    for (std::size_t n = 0; n < at(plan_.leaf[k].sites); ++n)
      if (plan_.leaf[k].tempered[n]) moments += sites_.slope(plan_.leaf[k].site[n]) * moment_[k][n];
    return ((squared_[k] ? 2 * values_[k] : 0) - factor_[k] * moments) / temperature_[k];
  }

  void write(std::size_t output, T* out, const leaf_numbers& coefficient, row_store how) {
    std::array<projection<T>, capacity> sites;
    std::size_t count = 0;
    for (int s = 0; s < plan_.site_count; ++s)
      if (projected_[output][at(s)] != 0)
        sites[count++] = {sites_.source(s), static_cast<T>(projected_[output][at(s)])};
    write_gradient<T>(out, columns_, has_slopes_[output] ? target_.slopes[output] : nullptr, {sites.data(), count},
                      how);
    if constexpr (kinds::any_stored)
      for (std::size_t k = 0; k < leaf_rows_.size(); ++k)
        if (const double weight = is_stored_[k] ? chain(k, coefficient, 0, output) : 0; weight != 0)
          each_stored(k, [&](index c, double slope) { out[c] += static_cast<T>(weight * slope); });
    if (label_ < 0 || label_ >= columns_) return;
    double patch = 0;
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k)
      for (std::size_t n = 0; !plan_.leaf[k].compares && leaf_rows_[k].active && n < at(plan_.leaf[k].sites); ++n)
        if (const double weight = chain(k, coefficient, n, output); weight != 0) patch += weight * forms_[k].patch[n];
    if (patch != 0) out[label_] += static_cast<T>(patch);
  }

  struct form {
    std::array<double, most_sites> mass{}, spread{}, patch{};
  };

  const sum_of<X>& sum_;
  const row_plan<X>& plan_;
  index columns_;
  index row_ = 0, label_ = -1;
  row_sites<T, X> sites_;
  bool any_standardised_ = false;
  std::array<T*, input_count> own_slopes_{};
  std::array<row_ahead<T>, 2> ahead_{};  // student and teacher

  std::array<leaf_row, static_cast<std::size_t>(leaves)> leaf_rows_{};
  std::array<form, static_cast<std::size_t>(leaves)> forms_{};
  std::array<double, static_cast<std::size_t>(leaves)> factor_{}, temperature_{};
  std::array<bool, static_cast<std::size_t>(leaves)> squared_{};
  std::array<std::array<double, 2>, static_cast<std::size_t>(leaves)> slope_sum_{};
  std::array<std::array<double, most_sites>, static_cast<std::size_t>(leaves)> moment_{};
  leaf_numbers values_{};

  // Of ordered leaves: the row as they see it, room for sorting, their slopes.
  std::array<T*, 3> whole_{};
  std::array<ranked<T>*, 2> ranks_{};
  std::array<std::array<T*, 2>, static_cast<std::size_t>(kinds::ordered_leaves)> ordered_slopes_{};
  std::array<std::size_t, static_cast<std::size_t>(leaves)> ordered_number_{};
  // Of leaves over a stored teacher: logarithms and slopes at its classes.
  static constexpr auto is_stored_ = []<class... Ls>(const weighted_sum<Ls...>*) {
    return std::array<bool, sizeof...(Ls)>{stored<Ls>...};
  }(static_cast<const sum_of<X>*>(nullptr));
  std::array<double*, 2> stored_logs_{};
  std::array<double*, static_cast<std::size_t>(leaves)> stored_slopes_{};

  slope_targets<T, leaves> target_;
  std::array<bool, input_count> has_slopes_{};
  std::array<double, capacity> mean_distance_{};
  std::array<std::array<double, capacity>, input_count> projected_{};
};

}  // namespace detail
DISTILL_NAMESPACE_END
