// Rows that a user makes, and gradient rows that a user takes.
#pragma once

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
  /// How many rows it likes to produce at a time. A tile of them should fit the cache.
  virtual index height() const { return 16; }
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
  virtual index height() const { return 16; }
  virtual void consume(index first, index count, const T* tile, index stride) = 0;
};

DISTILL_NAMESPACE_END
