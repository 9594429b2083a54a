// Keys of earlier batches.
#pragma once

#include <algorithm>
#include <istream>
#include <ostream>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "detail/state_file.hpp"

DISTILL_NAMESPACE_BEGIN

/// The last `capacity` rows that were pushed, each at length 1 (a row of zeros stays 0): further keys of info_nce,
/// similarity_ce and itc. First in, first out.
///   memory_queue<float> queue(65536, 128);
///   const contrast_batch<float> in{.anchors = x, .keys = v, .queue = queue.keys()};
///   value_and_gradient(info_nce{}, in, {.anchors = dx});
///   queue.push(v);     // after the loss: a batch does not meet its own keys twice
/// A queue may be empty, not yet full, or smaller than a batch: of a larger batch the last rows stay. A value: a copy
/// is a snapshot.
///
/// Source: He et al. 2020 (MoCo), arXiv 1911.05722.
template <class T>
class memory_queue {
 public:
  /// @throws argument_error  capacity negative, width < 1
  memory_queue(index capacity, index width) : capacity_(capacity), width_(width) {
    if (capacity < 0) fail("memory_queue: capacity is ", capacity, ", must not be negative");
    if (width < 1) fail("memory_queue: width is ", width, ", must be at least 1");
    rows_.resize(static_cast<std::size_t>(capacity * width));
  }

  index capacity() const { return capacity_; }
  index width() const { return width_; }
  index size() const { return size_; }
  /// All rows, in the order of memory: where the queue is full the oldest is somewhere among them.
  matrix_view<const T> keys() const { return {rows_.data(), size_, width_}; }
  /// The row that is `age` pushes younger than the oldest.
  const T* row(index age) const { return at((next_ + capacity_ - size_ + age) % capacity_); }

  /// @throws argument_error  rows of another width
  void push(const matrix_view<const T>& rows) {
    if (rows.rows > 0 && rows.columns != width_)
      fail("memory_queue: rows have ", rows.columns, " columns, the queue's width is ", width_);
    for (index r = std::max<index>(rows.rows - capacity_, 0); r < rows.rows; ++r) {
      T* const to = at(next_);
      for (index c = 0; c < width_; ++c) to[c] = rows(r, c);
      T norm;
      unit_rows{}.forward<T>(matrix_view<const T>(to, 1, width_), matrix_view<T>(to, 1, width_), &norm, {});
      next_ = (next_ + 1) % capacity_;
      size_ = std::min(size_ + 1, capacity_);
    }
  }
  void clear() { size_ = next_ = 0; }

  /// capacity, width, size and the next place to write, then the rows in the order of memory.
  /// @throws file_error  the stream cannot be written
  void save(std::ostream& out) const {
    detail::state_writer file(out, "memory_queue", sizeof(T));
    for (const index x : {capacity_, width_, size_, next_}) file.integer(x);
    file.numbers(rows_);
    file.finish();
  }
  /// Becomes what was saved, whatever it was. @throws file_error  and stays what it was
  void load(std::istream& in) {
    detail::state_reader file(in, "memory_queue", sizeof(T));
    const index capacity = file.integer("capacity", 0, detail::largest_extent);
    const index width = file.integer("width", 1, detail::largest_extent);
    const index size = file.integer("size", 0, capacity);
    const index next = file.integer("the next place", 0, std::max<index>(capacity - 1, 0));
    if (size < capacity && next != size)
      detail::fail_file("memory_queue", "the next place is ", next, ", after ", size, " rows it must be ", size);
    rows_ = file.template numbers<T>(capacity, width);
    capacity_ = capacity, width_ = width, size_ = size, next_ = next;
  }

 private:
  T* at(index place) { return rows_.data() + place * width_; }
  const T* at(index place) const { return rows_.data() + place * width_; }

  index capacity_, width_, size_ = 0, next_ = 0;
  std::vector<T> rows_;
};

DISTILL_NAMESPACE_END
