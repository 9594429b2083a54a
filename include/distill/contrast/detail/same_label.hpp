// Positives by label: targets that are made on the way, and who has any.
#pragma once

#include <algorithm>
#include <limits>
#include <numeric>

#include "../../core/sweep.hpp"
#include "../../row/produced.hpp"
#include "../workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Classes numbered 0, 1, … in `scratch.classes`, and 1 or 0 in `scratch.taking_part`: whether a row shares its label
/// with another.
template <class T, class Label>
void number_classes(index rows, const Label& label, contrast_scratch<T>& scratch) {
  index *const labels = scratch.labels.reserve(rows), *const order = scratch.inverse.reserve(rows);
  T* const classes = scratch.classes.reserve(rows);
  unsigned char* const taking_part = scratch.taking_part.reserve(rows);
  for (index r = 0; r < rows; ++r) labels[r] = label(r);
  std::iota(order, order + rows, index{0});
  std::sort(order, order + rows, [&](index a, index b) { return labels[a] < labels[b]; });
  T number = 0;
  for (index first = 0, last = 0; first < rows; first = last, number += 1) {
    while (last < rows && labels[order[last]] == labels[order[first]]) ++last;
    for (index i = first; i < last; ++i) {
      classes[order[i]] = number;
      taking_part[order[i]] = last - first > 1;
    }
  }
}

/// Targets of the rows from `first` on, as logits: 0 at the others of a row's class, -inf elsewhere.
template <class T>
class same_label final : public row_source<T> {
 public:
  same_label(const T* classes, index columns, index first, index rows)
      : classes_(classes), columns_(columns), first_(first), rows_(rows) {}

  index rows() const override { return rows_; }
  index columns() const override { return columns_; }
  index height() const override { return std::clamp<index>(8192 / columns_, 1, 16); }
  void produce(index first, index count, T* tile, index stride) const override {
    for (index i = 0; i < count; ++i) {
      const index row = first_ + first + i;
      T* const to = tile + i * stride;
      sweep<T>(
          columns_,
          [own = simd<T>(classes_[row]), zero = simd<T>(T(0)), none = simd<T>(-std::numeric_limits<T>::infinity())](
              const simd<T>& other, simd<T>& target)
              DISTILL_LAMBDA_INLINE { target = lane<simd<T>>::select(other == own, zero, none); },
          classes_, to);
      to[row] = -std::numeric_limits<T>::infinity();
    }
  }

 private:
  const T* classes_;
  index columns_, first_, rows_;
};

}  // namespace detail
DISTILL_NAMESPACE_END
