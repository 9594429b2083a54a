// Where the engine's rows come from and where their gradients go.
//
// Rows that lie contiguously in memory are read in place. Everything else (strided columns, probabilities, and whatever
// a user's row_source makes: 16-bit storage, gathered ids, a tile of a matrix product) is produced a few rows at a time
// into cache-resident scratch; gradients leave the same way through a row_sink.
#pragma once

#include <cmath>
#include <concepts>

#include "../config.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// Makes rows on demand. `produce` is called from several threads, for disjoint ranges, in any order.
template <class T>
class row_source {
 public:
  virtual ~row_source() = default;
  virtual index rows() const = 0;
  virtual index columns() const = 0;
  /// Writes rows [first, first + count), row r at tile + (r - first) · stride.
  virtual void produce(index first, index count, T* tile, index stride) const = 0;
};

/// Takes gradient rows; whether it adds or replaces is its own affair, store_mode does not reach it. `consume` is
/// called from several threads, for disjoint ranges, in any order, each row once.
template <class T>
class row_sink {
 public:
  virtual ~row_sink() = default;
  virtual index rows() const = 0;
  virtual index columns() const = 0;
  virtual void consume(index first, index count, const T* tile, index stride) = 0;
};

/// Marks a matrix as probabilities: the engine takes the logarithm once; zero mass is a masked class. Rows need not sum
/// to 1 exactly, they are renormalised. Log-probabilities need no mark: they are logits.
template <class T>
struct probabilities {
  matrix_view<const T> matrix;

  template <class M>
  requires std::convertible_to<M&, matrix_view<const T>>
  explicit probabilities(M&& m) : matrix(m) {}
};
template <class T>
probabilities(matrix_view<T>) -> probabilities<std::remove_const_t<T>>;
template <detail::eigen_dense M>
probabilities(M&& m) -> probabilities<std::remove_cvref_t<decltype(*m.data())>>;

/// The rows of one named input: viewed, so that matrices and sources must outlive the call.
template <class T>
class row_input {
 public:
  row_input() = default;
  template <class M>
  requires std::convertible_to<M&, matrix_view<const T>> row_input(M&& m)
      : memory_(m) {}                                                            // NOLINT: the conversion is the point
  row_input(const probabilities<T>& p) : memory_(p.matrix), logarithm_(true) {}  // NOLINT: likewise
  row_input(const row_source<T>& source) : source_(&source) {}                   // NOLINT: likewise

  /// Given at all. A batch of no rows may have a null pointer.
  explicit operator bool() const { return source_ || memory_.data || (memory_.columns > 0 && memory_.rows == 0); }
  index rows() const { return source_ ? source_->rows() : memory_.rows; }
  index columns() const { return source_ ? source_->columns() : memory_.columns; }
  bool is_probability() const { return logarithm_; }
  /// Rows are read where they lie.
  bool direct() const { return !source_ && !logarithm_ && memory_.column_stride == 1; }
  const matrix_view<const T>& memory() const { return memory_; }

  void produce(index first, index count, T* tile, index stride) const {
    if (source_) return source_->produce(first, count, tile, stride);
    // Along the smaller stride inside: a column-major matrix is read a cache line of rows at a time.
    for (index c = 0; c < memory_.columns; ++c)
      for (index r = 0; r < count; ++r) tile[r * stride + c] = memory_(first + r, c);
    if (logarithm_)
      for (index r = 0; r < count; ++r)
        for (index c = 0; c < memory_.columns; ++c) tile[r * stride + c] = std::log(tile[r * stride + c]);
  }

 private:
  matrix_view<const T> memory_;
  const row_source<T>* source_ = nullptr;
  bool logarithm_ = false;
};

/// Where the gradient to one named input goes; empty when it is not wanted.
template <class T>
class row_output {
 public:
  row_output() = default;
  template <class M>
  requires std::convertible_to<M&, matrix_view<T>> row_output(M&& m)
      : memory_(m) {}                              // NOLINT: the conversion is the point
  row_output(row_sink<T>& sink) : sink_(&sink) {}  // NOLINT: likewise

  explicit operator bool() const { return sink_ || memory_.data || (memory_.columns > 0 && memory_.rows == 0); }
  index rows() const { return sink_ ? sink_->rows() : memory_.rows; }
  index columns() const { return sink_ ? sink_->columns() : memory_.columns; }
  bool direct() const { return !sink_ && memory_.column_stride == 1; }
  const matrix_view<T>& memory() const { return memory_; }

  void consume(index first, index count, const T* tile, index stride, bool accumulate) const {
    if (sink_) return sink_->consume(first, count, tile, stride);
    for (index c = 0; c < memory_.columns; ++c)
      for (index r = 0; r < count; ++r) {
        T& target = memory_(first + r, c);
        target = accumulate ? target + tile[r * stride + c] : tile[r * stride + c];
      }
  }

 private:
  matrix_view<T> memory_;
  row_sink<T>* sink_ = nullptr;
};

DISTILL_NAMESPACE_END
