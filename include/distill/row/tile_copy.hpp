// Rows from wherever they lie into a tile of contiguous rows, and back.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../core/convert.hpp"
#include "../core/transpose.hpp"
#include "rows_view.hpp"
#include "sweeps.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class T>
void read_run(const T* from, index count, T* to) {
  std::copy_n(from, count, to);
}
template <int E>
void read_run(const packed_float<E>* from, index count, float* to) {
  widen(from, count, to);
}

template <class T>
void write_run(const T* from, index count, T* to, row_store how) {
  if (how == row_store::accumulate)
    for (index i = 0; i < count; ++i) to[i] += from[i];
  else
    std::copy_n(from, count, to);
}
template <int E>
void write_run(const float* from, index count, packed_float<E>* to, row_store how) {
  switch (how) {
    case row_store::overwrite: return narrow(from, count, to);
    case row_store::accumulate: return narrow_onto(from, count, to);
    case row_store::stream: return narrow_stream(from, count, to);
  }
}

template <class T, class U>
DISTILL_INLINE void write_one(T from, U& to, row_store how) {
  to = U(how == row_store::accumulate ? static_cast<T>(to) + from : from);
}

/// Rows that share a cache line when the classes do not lie side by side.
template <class U>
inline constexpr index rows_per_line = static_cast<index>(cache_line / sizeof(U));

/// A block of classes × neighbouring rows, through which memory and tile are each read and written along their lines.
template <class T, class U>
class turned_block {
 public:
  static constexpr index classes = 16, rows = rows_per_line<U>;

  turned_block(const row_layout& layout, index first, index count) : layout_(layout), count_(count) {
    layout.each_row(first, count, [&](index r, index place) { row_[static_cast<std::size_t>(r)] = place; });
    for (index r = 0; r < count; ++r) neighbours_ = neighbours_ && row_[static_cast<std::size_t>(r)] == row_[0] + r;
  }
  void read(const U* data, index column, T* tile, index stride) {
    const index stop = std::min(column + classes, layout_.stored);
    for (index c = column; c < stop; ++c) {
      T* const line = lines_.data() + (c - column) * rows;
      const U* const from = data + layout_.column(c);
      if (c + ahead < layout_.stored) prefetch(data + layout_.column(c + ahead) + row_[0]);
      if (neighbours_ && count_ == rows)
        read_run(from + row_[0], rows, line);
      else
        for (index r = 0; r < count_; ++r) line[r] = static_cast<T>(from[row_[static_cast<std::size_t>(r)]]);
    }
    transpose(lines_.data(), rows, stop - column, count_, tile + column, stride);
  }
  void write(U* data, index column, const T* tile, index stride, row_store how) {
    const index stop = std::min(column + classes, layout_.stored);
    transpose(tile + column, stride, count_, stop - column, lines_.data(), rows);
    for (index c = column; c < stop; ++c) {
      const T* const line = lines_.data() + (c - column) * rows;
      U* const to = data + layout_.column(c);
      if (c + ahead < layout_.stored) prefetch(data + layout_.column(c + ahead) + row_[0]);
      if (neighbours_ && count_ == rows)
        write_run(line, rows, to + row_[0], how);
      else
        for (index r = 0; r < count_; ++r) write_one(line[r], to[row_[static_cast<std::size_t>(r)]], how);
    }
  }

 private:
  static constexpr index ahead = 32;  // each line is on a page of its own: nobody else asks for it early

  const row_layout& layout_;
  index count_;
  bool neighbours_ = true;
  std::array<index, static_cast<std::size_t>(rows)> row_{};
  alignas(cache_line) std::array<T, static_cast<std::size_t>(classes* rows)> lines_;
};

/// Rows [first, first + count), at most rows_per_line, to tile + (r - first) · stride.
template <class T, class U>
void read_rows(const U* data, const row_layout& layout, index first, index count, T* tile, index stride) {
  for (index r = 0; r < count; ++r)
    std::fill(tile + r * stride + layout.stored, tile + r * stride + layout.columns,
              -std::numeric_limits<T>::infinity());
  if (layout.column_stride == 1) {
    for (index r = 0; r < count; ++r) {
      const U* const row = data + layout.row(first + r);
      T* const to = tile + r * stride;
      if (!layout.chosen_columns)
        read_run(row, layout.stored, to);
      else
        for (index c = 0; c < layout.stored; ++c) to[c] = static_cast<T>(row[(*layout.chosen_columns)[c]]);
    }
    return;
  }
  turned_block<T, U> block(layout, first, count);
  for (index c = 0; c < layout.stored; c += block.classes) block.read(data, c, tile, stride);
}

/// The way back. Columns that were not chosen become 0 unless `how` says accumulate.
template <class T, class U>
void write_rows(U* data, const row_layout& layout, index first, index count, const T* tile, index stride,
                row_store how) {
  if (layout.chosen_columns && how != row_store::accumulate)
    for (index r = 0; r < count; ++r)
      for (const index id : layout.chosen_columns->others())
        data[layout.row(first + r) + id * layout.column_stride] = U(T(0));
  if (layout.column_stride == 1) {
    for (index r = 0; r < count; ++r) {
      U* const row = data + layout.row(first + r);
      const T* const from = tile + r * stride;
      if (!layout.chosen_columns)
        write_run(from, layout.stored, row, how);
      else
        for (index c = 0; c < layout.stored; ++c) write_one(from[c], row[(*layout.chosen_columns)[c]], how);
    }
    return;
  }
  turned_block<T, U> block(layout, first, count);
  for (index c = 0; c < layout.stored; c += block.classes) block.write(data, c, tile, stride, how);
}

/// Zero bytes, which are the number 0, in every column of the given rows (by id) but the padding.
inline void clear_rows(void* data, index element_size, const row_layout& layout, const std::vector<index>& ids) {
  const index columns = layout.chosen_columns ? layout.chosen_columns->size() : layout.stored;
  const bool dense = layout.column_stride == 1;
  const auto size = static_cast<std::size_t>(dense ? columns * element_size : element_size);
  for (const index id : ids)
    for (index c = 0; c < (dense ? 1 : columns); ++c)
      std::memset(static_cast<char*>(data) + (layout.position(id) + c * layout.column_stride) * element_size, 0, size);
}

}  // namespace detail
DISTILL_NAMESPACE_END
