// Losses over pairs of scores of which one should be the larger.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../../core/simd.hpp"
#include "../../core/sweep.hpp"
#include "../../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Which pairs of a list have an order.
enum class rank_pairs {
  teacher_order,  ///< every two that the teacher tells apart
  label_first     ///< the label before every other class
};

namespace detail {

template <class V>
struct pair_term {
  V value, slope;  // of the difference of the two scores
};

/// Entries of a score row in the order that they should have, and where those end that stand beside entry k.
template <class T>
class pair_order {
 public:
  pair_order(const score_row<T>& row, rank_pairs pairs) : entries_(row.scratch.ranks[0]), pairs_(pairs) {
    constexpr T masked = -std::numeric_limits<T>::infinity();
    sort_descending(row.z_t, row.columns, entries_, row.scratch.ranks[1]);
    for (index k = 0; k < row.columns; ++k)
      if (entries_[k].value > masked && row.z_s[entries_[k].column] > masked) entries_[size_++] = entries_[k];
    if (pairs == rank_pairs::teacher_order) return;
    const auto is_label = [&](const ranked<T>& each) { return each.column == row.label; };
    ranked<T>* const label = std::find_if(entries_, entries_ + size_, is_label);
    if (label == entries_ + size_) size_ = 0;
    std::rotate(entries_, label, label + (size_ > 0 ? 1 : 0));
  }
  index size() const { return size_; }
  index column(index k) const { return entries_[k].column; }
  index end_of_equals(index k) const {
    if (pairs_ == rank_pairs::label_first) return k == 0 ? 1 : size_;
    index end = k + 1;
    while (end < size_ && entries_[end].value == entries_[k].value) ++end;
    return end;
  }

 private:
  ranked<T>* entries_;
  rank_pairs pairs_;
  index size_ = 0;
};

/// Whether a score is NaN or +inf: such a row is NaN.
template <class T>
bool any_invalid(const T* x, index size) {
  return !std::all_of(x, x + size, [](T each) { return each < std::numeric_limits<T>::infinity(); });
}

/// The mean over the pairs of term(u_above - u_below), u = z/T, a function that is 0 with slope 0 at infinity; 0
/// without pairs. The teacher's slope is 0: it decides the order, which is constant. Every pair once, a batch of the
/// lower ones at a time.
template <class T, class Term>
wide<T> mean_over_pairs(const score_row<T>& row, rank_pairs pairs, const Term& term) {
  using V = simd<T>;
  constexpr index width = lane<V>::width, per_flush = 64;  // rows, batches: before sums in T lose digits
  if (row.to_teacher) fill(row.to_teacher, T(0), row.columns);
  if (any_invalid(row.z_s, row.columns) || any_invalid(row.z_t, row.columns)) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (T* to : {row.to_student, row.to_teacher})
      if (to) fill(to, nan, row.columns);
    return static_cast<wide<T>>(nan);
  }
  const pair_order<T> order(row, pairs);
  const index size = order.size();
  T *const z = row.scratch.numbers[0], *const part = row.scratch.numbers[1];
  wide<T>* const slope = row.scratch.wide[1];
  for (index k = 0; k < size; ++k) z[k] = row.z_s[order.column(k)];
  std::fill(z + size, z + size + width, -std::numeric_limits<T>::infinity());
  std::fill(part, part + size + width, T(0));
  std::fill(slope, slope + size, wide<T>(0));
  const V scale(row.scale_s);
  wide<T> value = 0, part_value = 0;
  double count = 0;
  index unflushed = 0;
  const auto flush = [&](index from) {
    for (index k = from; k < size; ++k) slope[k] += static_cast<wide<T>>(part[k]), part[k] = 0;
    value += part_value;
    part_value = 0;
    unflushed = 0;
  };
  for (index begin = 0, end = 0; begin < size; begin = end) {
    end = order.end_of_equals(begin);
    count += static_cast<double>(end - begin) * static_cast<double>(size - end);
    for (index above = begin; above < end && end < size; ++above) {
      const V own(z[above]);
      for (index k = end; k < size;) {
        const index stop = std::min(size, k + per_flush * width);
        V terms(T(0)), slopes(T(0));
        for (; k < stop; k += width) {
          const pair_term<V> each = term((own - V::load_unaligned(z + k)) * scale);
          terms = terms + each.value;
          slopes = slopes + each.slope;
          (V::load_unaligned(part + k) - each.slope).store_unaligned(part + k);
        }
        part_value += reduce_sum<T>(terms);
        slope[above] += reduce_sum<T>(slopes);
      }
      if (++unflushed == per_flush) flush(begin);
    }
  }
  flush(0);
  const double share = count > 0 ? 1 / count : 0;
  if (row.to_student) {
    fill(row.to_student, T(0), row.columns);
    for (index k = 0; k < size; ++k) row.to_student[order.column(k)] = static_cast<T>(share * slope[k]);
  }
  return count > 0 ? share * value : wide<T>(0);
}

}  // namespace detail
DISTILL_NAMESPACE_END
