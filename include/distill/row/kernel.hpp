// One row of one expression on one core: statistics, the fused sweep over the classes, the projected gradient.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>
#include <utility>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../core/simd.hpp"
#include "fused.hpp"
#include "plan.hpp"
#include "sweeps.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Where one row lies: its inputs, where its gradients go (null: not wanted), the row that follows it (null: none).
template <class T>
struct row_memory {
  std::array<const T*, input_count> in{};
  std::array<T*, input_count> out{};
  std::array<const T*, input_count> next{};
  std::array<row_store, input_count> how{};
};

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
  static constexpr int leaves = sum_of<X>::leaves;
  static constexpr index w = lanes_of<T>;

 public:
  using leaf_numbers = std::array<double, leaves>;
  using statistics_row = typename row_plan<X>::statistics_row;

  /// Elements of scratch for rows of this length.
  static index scratch_size(const row_plan<X>& plan, index columns) {
    const index arrays = plan.site_count + plan.row_count + input_count;
    return arrays * stride(columns) + plan.row_count * w;
  }

  row_kernel(const sum_of<X>& sum, const row_plan<X>& plan, index columns, T* scratch)
      : sum_(sum), plan_(plan), columns_(columns), end_(padded(columns, w)) {
    for (int s = 0; s < plan.site_count; ++s, scratch += stride(columns)) kept_[at(s)] = scratch;
    for (int r = 0; r < plan.row_count; ++r, scratch += stride(columns)) mixed_[at(r)] = scratch;
    for (T*& slopes : own_slopes_) slopes = scratch, scratch += stride(columns);
    for (int r = 0; r < plan.row_count; ++r, scratch += w) tails_[at(r)] = scratch;
  }

  /// Reads the row and takes the statistics of every site, or adopts `given` ones (of a whole row of which this is a
  /// part, or from an earlier call).
  void open(index row, const row_memory<T>& memory, const statistics_row* given = nullptr) {
    row_ = row;
    for (int r = 0; r < plan_.row_count; ++r) {
      const T* data = mix(plan_.rows[at(r)], memory.in, mixed_[at(r)]);
      rows_[at(r)] = row_reader<T>(data, columns_, tails_[at(r)]);
      max_[at(r)] = given ? T(0) : row_max(rows_[at(r)], end_);
    }
    for (int s = 0; given && s < plan_.site_count; ++s)
      max_[at(plan_.sites[at(s)].row)] = static_cast<T>((*given)[at(s)].max);
    const std::array<T, capacity> taken = max_;
    rebase_distant_rows();
    for (int s = 0; s < plan_.site_count; ++s) {
      const planned_site& site = plan_.sites[at(s)];
      if (site.base >= 0) continue;
      scale_[at(s)] = static_cast<T>(1 / site.temperature[row]);
      const int power = site.derived < 0 ? 1 : plan_.sites[at(site.derived)].power;
      const exponential_sums sums = keep_exponentials(rows_[at(site.row)], end_, max_[at(site.row)], scale_[at(s)],
                                                      power, kept_[at(s)], upcoming(site.row, memory.next));
      sum_exp_[at(s)] = sums.sum;
      source_[at(s)] = {kept_[at(s)], 1};
      if (site.derived >= 0) {
        sum_exp_[at(site.derived)] = sums.powered;
        scale_[at(site.derived)] = scale_[at(s)] * static_cast<T>(power);
        source_[at(site.derived)] = {kept_[at(s)], power};
      }
    }
    for (int s = 0; s < plan_.site_count; ++s) {
      if (given) sum_exp_[at(s)] = (*given)[at(s)].sum;
      statistics_[at(s)] = {static_cast<double>(taken[at(plan_.sites[at(s)].row)]), sum_exp_[at(s)]};
    }
  }

  const statistics_row& statistics() const { return statistics_; }

  /// The leaves' values, T² included. Inactive leaves are not evaluated and have value 0.
  leaf_numbers values(const std::array<bool, leaves>& active, index label) {
    prepare(active, label);
    if constexpr (leaf_kinds<sum_of<X>>::any_separable) sweep<sweep_kind::values>();
    return values_;
  }

  /// The same, and Σ_k coefficient[k] · ∇leaf_k into the wanted outputs. A coefficient of 0 removes the leaf's
  /// gradient.
  leaf_numbers values_and_gradient(const std::array<bool, leaves>& active, const leaf_numbers& coefficient, index label,
                                   const row_memory<T>& memory) {
    prepare(active, label);
    has_slopes_ = {};
    for (std::size_t o = 0; o < input_count; ++o) target_.wanted[o] = memory.out[o] != nullptr;
    target_.slopes = place_slopes();
    for (auto& of_output : projected_) of_output.fill(0);
    if constexpr (leaf_kinds<sum_of<X>>::any_separable) {
      if constexpr (leaf_kinds<sum_of<X>>::any_fold)
        sweep<sweep_kind::values>();  // F(sums) first: its partials weight the slopes
      set_slope_weights(coefficient);
      if (usual(coefficient))
        sweep<sweep_kind::plain>();
      else
        sweep<sweep_kind::general>();
      project_slopes(coefficient);
    }
    add_closed_forms(coefficient);
    for (std::size_t o = 0; o < input_count; ++o)
      if (target_.wanted[o]) write(o, memory.out[o], coefficient, memory.how[o]);
    return values_;
  }

 private:
  static constexpr std::size_t capacity = static_cast<std::size_t>(row_plan<X>::capacity);
  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }
  // A few lines more than the row: arrays a multiple of 4 KiB apart would share cache sets.
  static index stride(index columns) {
    return padded(columns, static_cast<index>(cache_line / sizeof(T))) + static_cast<index>(3 * cache_line / sizeof(T));
  }

  const T* mix(const row_mix& row, const std::array<const T*, input_count>& in, T* scratch) const {
    int terms = 0, only = 0;
    for (int k = 0; k < input_count; ++k)
      if (row.mix[at(k)] != 0) ++terms, only = k;
    if (terms == 1 && row.mix[at(only)] == 1) return in[at(only)];
    for (index c = 0; c < columns_; ++c) {
      T u = 0;
      for (int k = 0; k < input_count; ++k)
        if (row.mix[at(k)] != 0) u += static_cast<T>(row.mix[at(k)]) * in[at(k)][c];
      scratch[c] = u;
    }
    return scratch;
  }

  const T* upcoming(int row, const std::array<const T*, input_count>& next) const {
    for (int k = 0; k < input_count; ++k)
      if (plan_.rows[at(row)].mix[at(k)] == 1) return next[at(k)];
    return nullptr;
  }

  /// z_s - z_t rounds at the size of the rows' offset from each other, and overflows near the largest number. A softmax
  /// only asks for the distance to the row's own maximum: rows that lie far apart are replaced by z - max.
  void rebase_distant_rows() {
    T low = max_[0], high = max_[0];
    for (int r = 1; r < plan_.row_count; ++r) low = std::min(low, max_[at(r)]), high = std::max(high, max_[at(r)]);
    if (!(high > low + distant_rows<T>)) return;  // one far row is no trouble; -inf and NaN rows are invalid either way
    for (int r = 0; r < plan_.row_count; ++r) {
      const T* row = rows_[at(r)].data();
      for (index c = 0; c < columns_; ++c) {
        const T moved = row[c] - max_[at(r)];
        // A finite logit stays finite: only -inf is a masked class.
        mixed_[at(r)][c] = std::isinf(moved) && !std::isinf(row[c]) ? std::numeric_limits<T>::lowest() : moved;
      }
      rows_[at(r)] = row_reader<T>(mixed_[at(r)], columns_, tails_[at(r)]);
      max_[at(r)] = 0;
    }
  }

  using leaf_row = leaf_lanes<T, row_reader<T>>;

  void prepare(const std::array<bool, leaves>& active, index label) {
    values_.fill(0);
    label_ = label;
    sum_.each([&]<class L>(auto k, const weighted<L>& item) {
      leaf_row& leaf = leaf_rows_[k];
      leaf.active = active[k];
      const double temperature = item.leaf.temperature[row_];
      factor_[k] = item.leaf.scaling == temperature_scaling::squared ? temperature * temperature : 1;
      if (!leaf.active) return;
      const planned_leaf& planned = plan_.leaf[k];
      if constexpr (separable<L>)
        prepare_pair<L>(leaf, planned.student, planned.teacher);
      else
        evaluate_statistic(k, item.leaf, planned.student);
    });
  }

  template <class L>
  void prepare_pair(leaf_row& leaf, int s, int t) {
    const int row_s = plan_.sites[at(s)].row, row_t = plan_.sites[at(t)].row;
    leaf.kept_s = kept_[at(s)];
    leaf.kept_t = kept_[at(t)];
    leaf.z_s = rows_[at(row_s)];
    leaf.z_t = rows_[at(row_t)];
    leaf.inverse_s = V(static_cast<T>(1 / sum_exp_[at(s)]));
    leaf.inverse_t = V(static_cast<T>(1 / sum_exp_[at(t)]));
    leaf.scale_s = V(scale_[at(s)]);
    leaf.scale_t = V(scale_[at(t)]);
    leaf.one_scale = scale_[at(s)] == scale_[at(t)];
    const double top_s = double(max_[at(row_s)]), top_t = double(max_[at(row_t)]);
    const double per_s = double(scale_[at(s)]), per_t = double(scale_[at(t)]);
    // The difference of the normalisers in double, as a sum of two T: a common shift of the logits costs no digits.
    const double offset = peak_difference(top_s, per_s, top_t, per_t) + std::log(sum_exp_[at(s)] / sum_exp_[at(t)]);
    leaf.offset = V(static_cast<T>(offset));
    leaf.offset_rest = V(static_cast<T>(offset - static_cast<double>(static_cast<T>(offset))));
    if constexpr (reads_log_probabilities<L>) {
      leaf.log_offset_s = V(static_cast<T>(top_s * per_s + std::log(sum_exp_[at(s)])));
      leaf.log_offset_t = V(static_cast<T>(top_t * per_t + std::log(sum_exp_[at(t)])));
    }
  }

  template <class L>
  static constexpr int sums_or_one() {
    if constexpr (separable<L>)
      return sums_of<L>();
    else
      return 1;
  }

  bool usual(const leaf_numbers& coefficient) const {
    bool result = target_.wanted[0] && !target_.wanted[1];
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k)
      result = result && (plan_.leaf[k].teacher < 0 || (leaf_rows_[k].active && leaf_rows_[k].one_scale &&
                                                        !target_.crossed[k] && coefficient[k] != 0));
    return result;
  }

  /// The fused sweep: every separable leaf's terms and, unless only values are asked for, the weighted slopes into
  /// scratch.
  template <sweep_kind Kind>
  void sweep() {
    constexpr bool slopes = Kind != sweep_kind::values;
    [&]<class... Ls, std::size_t... I>(const weighted_sum<Ls...>& sum, std::index_sequence<I...>) {
      const row_scalars scalars{row_, columns_};
      const std::tuple leaf{bound(sum.template get<I>().leaf, scalars)...};
      std::tuple total{leaf_sums<sums_or_one<Ls>(), double>(0.0)...};
      // Copies on the stack: the compiler may keep them in registers across the stores to scratch.
      std::array rows = leaf_rows_;
      const slope_targets<T, leaves> target = target_;
      for (index block = 0; block < end_;) {
        const index stop = rows_[0].block_end(block);  // rows of one length have the same blocks
        (rows[I].enter(block), ...);
        std::tuple part{leaf_sums<sums_or_one<Ls>(), V>(V(T(0)))...};
        for (index i = block; i < stop; i += w) {
          V to_s(T(0)), to_t(T(0));
          (step<Kind, I>(std::get<I>(leaf), rows[I], target, i, std::get<I>(part), to_s, to_t), ...);
          if constexpr (slopes) {
            if (Kind == sweep_kind::plain || target.wanted[0]) to_s.store_aligned(target.slopes[0] + i);
            if (Kind != sweep_kind::plain && target.wanted[1]) to_t.store_aligned(target.slopes[1] + i);
          }
        }
        (flush<slopes, Ls>(std::get<I>(total), std::get<I>(part), rows[I].active), ...);
        block = stop;
      }
      (finish<slopes, Ls, I>(std::get<I>(leaf), std::get<I>(total)), ...);
    }(sum_, std::make_index_sequence<static_cast<std::size_t>(leaves)>{});
    if constexpr (slopes) has_slopes_ = target_.wanted;
  }

  template <sweep_kind Kind, std::size_t I, class L, class Sums>
  DISTILL_INLINE static void step(const L& leaf, const leaf_row& row, const slope_targets<T, leaves>& target, index i,
                                  Sums& part, V& to_s, V& to_t) {
    if constexpr (separable<L>)
      if (Kind == sweep_kind::plain || row.active) fused_step<Kind, I, T>(leaf, row, target, i, part, to_s, to_t);
  }

  template <bool Slopes, class L, class Total, class Part>
  DISTILL_INLINE static void flush(Total& total, const Part& part, bool active) {
    if constexpr (separable<L>) {
      if (!active) return;
      for (std::size_t k = 0; k < total.term.size(); ++k) total.term[k] += reduce_sum<T>(part.term[k]);
      if constexpr (Slopes) {
        total.to_student += reduce_sum<T>(part.to_student);
        total.to_teacher += reduce_sum<T>(part.to_teacher);
      }
    }
  }

  template <bool Slopes, class L, std::size_t I, class Total>
  void finish(const L& leaf, const Total& total) {
    if constexpr (separable<L>) {
      if (!leaf_rows_[I].active) return;
      const auto result = fold_of(leaf, total.term);
      values_[I] = factor_[I] * result.value;
      static_assert(sums_of<L>() <= largest_fold);
      for (std::size_t k = 0; k < result.partial.size(); ++k) target_.partial[I][k] = result.partial[k];
      if constexpr (Slopes) slope_sum_[I] = {total.to_student, total.to_teacher};
    }
  }

  /// The student's slopes may overwrite the teacher's exponentials batch by batch, when nobody will project onto them:
  /// one row less in the cache.
  std::array<T*, input_count> place_slopes() const {
    std::array<T*, input_count> slopes = own_slopes_;
    for (int s = 0; s < plan_.site_count && !target_.wanted[1]; ++s)
      if (plan_.sites[at(s)].base < 0 && plan_.rows[at(plan_.sites[at(s)].row)] == row_mix::of(input::teacher))
        slopes[0] = kept_[at(s)];
    return slopes;
  }

  /// ∂/∂z carries the coefficient, the T² factor, 1/T and the input's share in the mixed row.
  double chain(std::size_t k, const leaf_numbers& coefficient, int site) const {
    return leaf_rows_[k].active ? coefficient[k] * factor_[k] * static_cast<double>(scale_[at(site)]) : 0;
  }

  void set_slope_weights(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k) {
      const planned_leaf& leaf = plan_.leaf[k];
      if (leaf.teacher < 0) continue;
      for (std::size_t o = 0; o < input_count; ++o) {
        target_.to_student[k][o] = V(static_cast<T>(chain(k, coefficient, leaf.student) * leaf.to_student[o]));
        target_.to_teacher[k][o] = V(static_cast<T>(chain(k, coefficient, leaf.teacher) * leaf.to_teacher[o]));
      }
      target_.crossed[k] = crosses(leaf);
    }
  }

  void project_slopes(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k) {
      const planned_leaf& leaf = plan_.leaf[k];
      if (leaf.teacher < 0 || !leaf_rows_[k].active) continue;
      for (std::size_t o = 0; o < input_count; ++o) {
        add_projection(o, leaf.student, chain(k, coefficient, leaf.student) * leaf.to_student[o], slope_sum_[k][0]);
        add_projection(o, leaf.teacher, chain(k, coefficient, leaf.teacher) * leaf.to_teacher[o], slope_sum_[k][1]);
      }
    }
  }
  void add_projection(std::size_t output, int site, double weight, double slope_sum) {
    if (weight != 0) projected_[output][at(site)] += weight * slope_sum / sum_exp_[at(site)];
  }

  template <class L>
  void evaluate_statistic(std::size_t k, const L& leaf, int s) {
    const int r = plan_.sites[at(s)].row;
    const double max = static_cast<double>(max_[at(r)]), scale = static_cast<double>(scale_[at(s)]);
    const double log_sum = std::log(sum_exp_[at(s)]);
    row_statistics row{.label = label_, .columns = columns_};
    if constexpr (requires { leaf.needs_mean(); }) {
      if (leaf.needs_mean()) {
        const kept_mean mean = mean_over_kept(rows_[at(r)].data(), columns_, max, scale);
        row.kept = mean.kept;
        row.mean_log_p = mean.mean - log_sum;
      }
    }
    if (label_ >= 0 && label_ < columns_)
      row.label_log_p = (static_cast<double>(rows_[at(r)].data()[label_]) - max) * scale - log_sum;
    forms_[k] = leaf.evaluate(row);
    values_[k] = factor_[k] * forms_[k].value;
  }

  void add_closed_forms(const leaf_numbers& coefficient) {
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k) {
      const planned_leaf& leaf = plan_.leaf[k];
      if (leaf.teacher >= 0 || !leaf_rows_[k].active) continue;
      for (std::size_t o = 0; o < input_count; ++o) {
        const double weight = chain(k, coefficient, leaf.student) * leaf.to_student[o];
        if (weight == 0) continue;
        projected_[o][at(leaf.student)] -= weight * forms_[k].mass / sum_exp_[at(leaf.student)];
        if (forms_[k].spread != 0 && target_.wanted[o]) {
          spread_over_kept(rows_[at(plan_.sites[at(leaf.student)].row)], end_,
                           static_cast<T>(weight * forms_[k].spread), target_.slopes[o], !has_slopes_[o]);
          has_slopes_[o] = true;
        }
      }
    }
  }

  void write(std::size_t output, T* out, const leaf_numbers& coefficient, row_store how) {
    std::array<projection<T>, capacity> sites;
    std::size_t count = 0;
    for (int s = 0; s < plan_.site_count; ++s)
      if (projected_[output][at(s)] != 0) sites[count++] = {source_[at(s)], static_cast<T>(projected_[output][at(s)])};
    write_gradient<T>(out, columns_, has_slopes_[output] ? target_.slopes[output] : nullptr, {sites.data(), count},
                      how);
    for (std::size_t k = 0; k < leaf_rows_.size(); ++k) {
      const planned_leaf& leaf = plan_.leaf[k];
      if (leaf.teacher >= 0 || !leaf_rows_[k].active || forms_[k].patch_column < 0) continue;
      const double patch = chain(k, coefficient, leaf.student) * leaf.to_student[output] * forms_[k].patch;
      if (patch != 0) out[forms_[k].patch_column] += static_cast<T>(patch);
    }
  }

  const sum_of<X>& sum_;
  const row_plan<X>& plan_;
  index columns_, end_;
  index row_ = 0, label_ = -1;

  std::array<T*, capacity> kept_{}, mixed_{}, tails_{};
  std::array<T*, input_count> own_slopes_{};

  std::array<row_reader<T>, capacity> rows_{};
  std::array<T, capacity> max_{}, scale_{};
  std::array<double, capacity> sum_exp_{};
  std::array<kept_row<T>, capacity> source_{};
  statistics_row statistics_{};

  std::array<leaf_row, static_cast<std::size_t>(leaves)> leaf_rows_{};
  std::array<closed_form, static_cast<std::size_t>(leaves)> forms_{};
  std::array<double, static_cast<std::size_t>(leaves)> factor_{};
  std::array<std::array<double, 2>, static_cast<std::size_t>(leaves)> slope_sum_{};
  leaf_numbers values_{};

  slope_targets<T, leaves> target_;
  std::array<bool, input_count> has_slopes_{};
  std::array<std::array<double, capacity>, input_count> projected_{};
};

}  // namespace detail
DISTILL_NAMESPACE_END
