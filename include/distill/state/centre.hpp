// The running mean that keeps a self-distilled teacher from collapsing to one class.
#pragma once

#include <istream>
#include <ostream>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "detail/state_file.hpp"

DISTILL_NAMESPACE_BEGIN

/// c ← m c + (1 − m) mean of the teacher's rows, from 0 on. Updated after the loss that subtracts it: dino.
///   centre<float> c(65536);
///   value_and_gradient(dino{}, dino_batch<float>{.student = s, .teacher = t, .centre = c.values()}, ds);
///   c.update(t);
/// No rows leave it as it is. A value: a copy is a snapshot.
/// Source: Caron et al. 2021 (DINO), arXiv 2104.14294, eq. 4.
template <class T>
class centre {
 public:
  /// @throws argument_error  columns < 1, momentum outside [0, 1]
  explicit centre(index columns, double momentum = 0.9) : momentum_(momentum) {
    if (columns < 1) fail("centre: columns is ", columns, ", must be at least 1");
    if (!(momentum >= 0 && momentum <= 1)) fail("centre: momentum is ", momentum, ", must lie in [0, 1]");
    values_.assign(static_cast<std::size_t>(columns), T(0));
  }

  index columns() const { return std::ssize(values_); }
  double momentum() const { return momentum_; }
  matrix_view<const T> values() const { return {values_.data(), 1, columns()}; }

  /// @throws argument_error  rows of another length
  void update(const matrix_view<const T>& teacher) {
    if (teacher.rows == 0) return;
    if (teacher.columns != columns())
      fail("centre: teacher has ", teacher.columns, " columns, the centre has ", columns());
    constexpr index width = 64;  // columns at a time: their sums stay in the first-level cache
    for (index first = 0; first < columns(); first += width) {
      const index count = std::min(width, columns() - first);
      double sum[width] = {};
      for (index r = 0; r < teacher.rows; ++r)
        for (index c = 0; c < count; ++c) sum[c] += static_cast<double>(teacher(r, first + c));
      for (index c = 0; c < count; ++c) {
        T& own = values_[static_cast<std::size_t>(first + c)];
        own = static_cast<T>(momentum_ * static_cast<double>(own) +
                             (1 - momentum_) * sum[c] / static_cast<double>(teacher.rows));
      }
    }
  }

  /// columns, momentum, then the centre. @throws file_error  the stream cannot be written
  void save(std::ostream& out) const {
    detail::state_writer file(out, "centre", sizeof(T));
    file.integer(columns()), file.real(momentum_);
    file.numbers(values_);
    file.finish();
  }
  /// Becomes what was saved, whatever it was. @throws file_error  and stays what it was
  void load(std::istream& in) {
    detail::state_reader file(in, "centre", sizeof(T));
    const index columns = file.integer("columns", 1, detail::largest_extent);
    const double momentum = file.share("momentum");
    values_ = file.template numbers<T>(columns, 1);
    momentum_ = momentum;
  }

 private:
  double momentum_;
  std::vector<T> values_;
};

DISTILL_NAMESPACE_END
