// The softmaxes of one row: which numbers they are taken of, their exponentials, their statistics.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "../config.hpp"
#include "../core/buffer.hpp"
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

/// Distance from one scratch row to the next: arrays a multiple of 4 KiB apart would share cache sets.
template <class T>
index scratch_stride(index columns) {
  constexpr index line = static_cast<index>(cache_line / sizeof(T));
  return padded(columns, line) + 3 * line;
}

/// The first n elements of scratch, which then begins after them.
template <class T>
T* take(T*& scratch, index n) {
  return std::exchange(scratch, scratch + n);
}

template <class T, row_objective X>
class row_sites {
  static constexpr std::size_t capacity = static_cast<std::size_t>(row_plan<X>::capacity);
  using number = wide<T>;
  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }
  static constexpr T masked = -std::numeric_limits<T>::infinity();

 public:
  using statistics_row = typename row_plan<X>::template statistics_row<number>;

  static index scratch_size(const row_plan<X>& plan, index columns) {
    return (plan.site_count + plan.row_count + 1) * scratch_stride<T>(columns) + 2 * plan.row_count * lanes_of<T>;
  }

  row_sites(const row_plan<X>& plan, index columns, T*& scratch)
      : plan_(plan), columns_(columns), end_(padded(columns, lanes_of<T>)) {
    const index stride = scratch_stride<T>(columns);
    for (int s = 0; s < plan.site_count; ++s) kept_[at(s)] = take(scratch, stride);
    for (int r = 0; r < plan.row_count; ++r) made_[at(r)] = take(scratch, stride);
    spare_ = take(scratch, stride);
    for (int r = 0; r < plan.row_count; ++r) tails_[at(r)] = take(scratch, 2 * lanes_of<T>);
  }

  /// Reads the row and takes the statistics of every site, or adopts `given` ones (of a whole row of which this is a
  /// part, or from an earlier call).
  void open(index row, index label, const row_memory<T>& memory, const statistics_row* given) {
    label_ = label >= 0 && label < columns_ ? label : -1;
    for (int r = 0; r < plan_.row_count; ++r) {
      const T* data = make(r, row, memory.in);
      readers_[at(r)] = row_reader<T>(data, columns_, tails_[at(r)]);
      given_[at(r)] = data;
      max_[at(r)] = given ? T(0) : row_max(readers_[at(r)], end_);
    }
    for (int s = 0; given && s < plan_.site_count; ++s)
      max_[at(plan_.sites[at(s)].row)] = static_cast<T>((*given)[at(s)].max);
    const std::array<T, capacity> taken = max_;
    rebase_distant_rows();
    for (int s = 0; s < plan_.site_count; ++s) {
      if (plan_.sites[at(s)].standardised) standardise(s, memory.in);
      if (plan_.sites[at(s)].base < 0) exponentials(s, row, memory.next);
    }
    for (int s = 0; s < plan_.site_count; ++s) {
      if (given) sum_exp_[at(s)] = (*given)[at(s)].sum;
      statistics_[at(s)] = {static_cast<number>(taken[at(plan_.sites[at(s)].row)]), sum_exp_[at(s)]};
    }
  }

  index end() const { return end_; }
  const statistics_row& statistics() const { return statistics_; }
  const row_reader<T>& reader(int s) const { return readers_[row_of(s)]; }
  /// The row as it was read, or as it was made.
  const T* logits(int s) const { return given_[row_of(s)]; }
  log_probability<number> log_p(int s) const {
    const bool moved = given_[row_of(s)] != readers_[row_of(s)].data();  // it is the reader's row that was rebased
    return {moved ? taken_max(s) : static_cast<number>(max(s)), static_cast<number>(scale(s)), log_sum(s)};
  }
  T max(int s) const { return max_[row_of(s)]; }
  T scale(int s) const { return scale_[at(s)]; }
  number sum_exp(int s) const { return sum_exp_[at(s)]; }
  number log_sum(int s) const {
    using std::log;
    return log(sum_exp_[at(s)]);
  }
  T* kept(int s) const { return kept_[at(s)]; }
  const kept_row<T>& source(int s) const { return source_[at(s)]; }
  /// ∂u/∂z along the row itself; 0 where a standardised row is constant and has no direction to go.
  number slope(int s) const { return deviations_[at(s)].flat ? number(0) : static_cast<number>(scale_[at(s)]); }
  /// z_label - max, also where the site leaves the label out.
  number label_distance(int s) const {
    return static_cast<number>(label_logit_[row_of(s)]) - static_cast<number>(max(s));
  }

  site_summary<number> summary(int s, bool with_mean) const {
    const number log_total = log_sum(s), per = static_cast<number>(scale(s));
    site_summary<number> result;
    result.top = emptied(s) ? -std::numeric_limits<number>::infinity() : taken_max(s);
    result.scale = per;
    result.top_log_p = -log_total;
    if (label_ >= 0)  // alone in its row, the label has all odds for it
      result.label_log_p = emptied(s) ? alone(s) : label_distance(s) * per - log_total;
    if (with_mean) {
      const kept_moments<number> kept = moments_of(reader(s), end_, max(s), false);
      result.kept = kept.kept;
      result.mean_log_p = kept.mean * per - log_total;
    }
    return result;
  }

  /// No class is left: the site stands for a row of one class.
  bool emptied(int s) const { return emptied_[row_of(s)]; }

  /// Σ p · (z - max) of a site with a softmax.
  number mean_distance(int s) const { return weighted_sum_of(reader(s), end_, max(s), source(s)) / sum_exp(s); }

  /// A standardised site's spread: its scale is 1/(T · sd), and ∂sd/∂z = sd · (z - mean)/squares over `row`. That row
  /// has the classes which a loss leaves out for itself, a label or a band; masked ones it has not.
  struct deviation {
    row_reader<T> row;
    number mean = 0, squares = 0, sd = 1;
    bool flat = false;
  };
  const deviation& deviation_of(int s) const { return deviations_[at(s)]; }

 private:
  /// +inf, or NaN of a label that is one.
  number alone(int s) const {
    return static_cast<number>(label_logit_[row_of(s)]) * 0 + std::numeric_limits<number>::infinity();
  }
  std::size_t row_of(int s) const { return at(plan_.sites[at(s)].row); }
  number taken_max(int s) const { return statistics_[at(s)].max; }

  /// The row as its softmaxes see it: an input where it lies, or made in scratch.
  const T* make(int r, index row, const std::array<const T*, input_count>& in) {
    const row_mix& wanted = plan_.rows[at(r)];
    if (const int only = wanted.only(); only >= 0) {
      if (label_ >= 0) label_logit_[at(r)] = in[at(only)][label_];
      return in[at(only)];
    }
    T* out = made_[at(r)];
    int terms = 0;
    if (wanted.stored_or) {
      std::fill(out, out + columns_, static_cast<T>(*wanted.stored_or));
      for (index j = 0; j < plan_.stored.classes.columns(); ++j)
        if (const index c = plan_.stored.classes(row, j); c >= 0) out[c] = static_cast<T>(plan_.stored.log_p(row, j));
    }
    for (int k = 0; k < input_count; ++k) {
      const T share = static_cast<T>(wanted.mix[at(k)]);
      if (share == 0) continue;
      const T* z = in[at(k)];
      if (terms++ == 0)
        for (index c = 0; c < columns_; ++c) out[c] = share == 1 ? z[c] : share * z[c];
      else
        for (index c = 0; c < columns_; ++c) out[c] += share * z[c];
    }
    const T label_logit = label_ >= 0 ? out[label_] : T(0);
    keep(wanted.columns, row, in, out);
    stand_in(r, in, out);
    if (label_ < 0) return out;
    label_logit_[at(r)] = wanted.columns.which == kept_columns::rule::without_label ? label_logit : out[label_];
    return out;
  }

  void keep(const kept_columns& columns, index row, const std::array<const T*, input_count>& in, T* out) {
    switch (columns.which) {
      case kept_columns::rule::all: return;
      case kept_columns::rule::listed:
        for (index c = 0; c < columns_; ++c)
          if (columns.classes[c] == 0) out[c] = masked;
        return;
      case kept_columns::rule::without_label:
        if (label_ >= 0) out[label_] = masked;
        return;
      case kept_columns::rule::without_column:
        out[columns.column < 0 ? columns_ + columns.column : columns.column] = masked;
        return;
      case kept_columns::rule::without_stored:
        for (index j = 0; j < plan_.stored.classes.columns(); ++j)
          if (const index c = plan_.stored.classes(row, j); c >= 0) out[c] = masked;
        return;
      case kept_columns::rule::band: {
        const T* teacher = in[static_cast<std::size_t>(input::teacher)];
        const auto [low, high] = band(in, columns.lower[row], columns.upper[row]);
        for (index c = 0; c < columns_; ++c)
          if ((teacher[c] < low || high < teacher[c]) && c != label_) out[c] = masked;  // NaN stays
      }
    }
  }

  /// A choice that leaves no class of a row that has some is a row of one class: losses over it are 0.
  void stand_in(int r, const std::array<const T*, input_count>& in, T* out) {
    emptied_[at(r)] = false;
    if (plan_.rows[at(r)].columns.which == kept_columns::rule::all) return;
    const auto all_masked = [&](const T* row) {
      return std::all_of(row, row + columns_, [](T z) { return z == masked; });
    };
    if (!all_masked(out)) return;
    bool invalid = false;
    for (int k = 0; k < input_count; ++k)
      invalid = invalid || (plan_.rows[at(r)].mix[at(k)] != 0 && all_masked(in[at(k)]));
    if (invalid) return;
    emptied_[at(r)] = true;
    out[label_ >= 0 ? label_ : 0] = 0;
  }

  /// The smallest and the largest teacher's logit between two quantiles: the softmax keeps their order, so no
  /// exponential is needed. Over the classes that student or teacher has.
  std::array<T, 2> band(const std::array<const T*, input_count>& in, double lower, double upper) {
    const T *student = in[static_cast<std::size_t>(input::student)],
            *row = in[static_cast<std::size_t>(input::teacher)];
    index kept = 0;
    for (index c = 0; c < columns_; ++c)
      if (row[c] > masked || student[c] > masked) spare_[kept++] = row[c];
    if (kept == 0) return {1, 0};
    if (upper < lower) std::swap(lower, upper);
    const double last = static_cast<double>(kept - 1);
    const index from = static_cast<index>(std::ceil(lower * last)), to = static_cast<index>(std::floor(upper * last));
    const auto nth = [&](index n) {
      std::nth_element(spare_, spare_ + n, spare_ + kept);
      return spare_[n];
    };
    const T low = nth(from);
    return {low, nth(to)};
  }

  const T* upcoming(int r, const std::array<const T*, input_count>& next) const {
    const int only = plan_.rows[at(r)].only();
    return only >= 0 ? next[at(only)] : nullptr;
  }

  /// z_s - z_t rounds at the size of the rows' offset from each other, and overflows near the largest number. A softmax
  /// only asks for the distance to the row's own maximum: rows that lie far apart are replaced by z - max. Leaves
  /// without a softmax ask for the logits themselves.
  void rebase_distant_rows() {
    if (leaf_kinds<sum_of<X>>::any_of_logits) return;
    T low = max_[0], high = max_[0];
    for (int r = 1; r < plan_.row_count; ++r) low = std::min(low, max_[at(r)]), high = std::max(high, max_[at(r)]);
    if (!(high > low + distant_rows<T>)) return;  // one far row is no trouble; -inf and NaN rows are invalid either way
    for (int r = 0; r < plan_.row_count; ++r) {
      const T* row = readers_[at(r)].data();
      // A finite logit stays finite: only -inf is a masked class.
      const auto moved = [&](T z) {
        using std::isinf;
        const T x = z - max_[at(r)];
        return isinf(x) && !isinf(z) ? std::numeric_limits<T>::lowest() : x;
      };
      for (index c = 0; c < columns_; ++c) made_[at(r)][c] = moved(row[c]);
      label_logit_[at(r)] = moved(label_logit_[at(r)]);
      readers_[at(r)] = row_reader<T>(made_[at(r)], columns_, tails_[at(r)]);
      max_[at(r)] = 0;
    }
  }

  void exponentials(int s, index row, const std::array<const T*, input_count>& next) {
    const planned_site& site = plan_.sites[at(s)];
    scale_[at(s)] = static_cast<T>(1 / (site.temperature[row] * deviations_[at(s)].sd));
    if (!site.softmax) return;
    const int power = site.derived < 0 ? 1 : plan_.sites[at(site.derived)].power;
    using part = typename row_ahead<T>::part;
    const part wanted = leaf_kinds<sum_of<X>>::any_swept ? part::first_half : part::whole;
    const row_ahead<T> ahead(upcoming(site.row, next), columns_, wanted, kept(s));
    const exponential_sums<number> sums =
        keep_exponentials(reader(s), end_, max(s), scale_[at(s)], power, kept(s), ahead);
    sum_exp_[at(s)] = sums.sum;
    source_[at(s)] = {kept(s), 1};
    if (site.derived < 0) return;
    sum_exp_[at(site.derived)] = sums.powered;
    scale_[at(site.derived)] = scale_[at(s)] * static_cast<T>(power);
    source_[at(site.derived)] = {kept(s), power};
  }

  void standardise(int s, const std::array<const T*, input_count>& in) {
    using std::sqrt;
    const int r = plan_.sites[at(s)].row;
    row_mix whole = plan_.rows[at(r)];
    const bool chosen = whole.columns.which != kept_columns::rule::listed;
    whole.columns = {};
    deviation& own = deviations_[at(s)];
    T top = max_[at(r)];
    own.row = readers_[at(r)];
    if (const int only = whole.only(); chosen && only >= 0) {
      own.row = row_reader<T>(in[at(only)], columns_, tails_[at(r)] + lanes_of<T>);
      top = row_max(own.row, end_);
    }
    const kept_moments<number> m = moments_of(own.row, end_, top, true);
    own.mean = static_cast<number>(top) + m.mean;
    own.squares = m.squares;
    own.flat = m.kept < 2 || m.squares == 0;
    own.sd = own.flat ? number(1) : sqrt(m.squares / static_cast<double>(m.kept - 1));
  }

  const row_plan<X>& plan_;
  index columns_, end_, label_ = -1;

  std::array<T*, capacity> kept_{}, made_{}, tails_{};
  std::array<const T*, capacity> given_{};
  T* spare_ = nullptr;
  std::array<row_reader<T>, capacity> readers_{};
  std::array<T, capacity> max_{}, scale_{}, label_logit_{};
  std::array<number, capacity> sum_exp_{};
  std::array<bool, capacity> emptied_{};
  std::array<kept_row<T>, capacity> source_{};
  std::array<deviation, capacity> deviations_{};
  statistics_row statistics_{};
};

}  // namespace detail
DISTILL_NAMESPACE_END
