// Where the engine's rows come from and where their gradients go.
//
// Rows of the engine's own type that lie contiguously in memory are read in place. Everything else (16-bit storage,
// strided columns, chosen ids, probabilities, and whatever a user's row_source makes) passes through cache-resident
// scratch a few rows at a time; gradients leave the same way.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>

#include "../config.hpp"
#include "../core/half.hpp"
#include "../core/matrix_view.hpp"
#include "produced.hpp"
#include "rows_view.hpp"
#include "storage.hpp"
#include "tile_copy.hpp"

DISTILL_NAMESPACE_BEGIN

template <class T>
struct probabilities;

/// The rows of one named input: viewed, so that matrices, index maps and sources must outlive the call. Matrices and
/// rows_views of T; for float also of half and bfloat16.
template <class T>
class row_input {
 public:
  row_input() = default;
  template <detail::rows_of<const T> M>
  row_input(M&& m) : memory_(rows_view<const T>(m)) {}  // NOLINT: the conversion is the point
  template <detail::rows_of<const half> M>
  requires std::same_as<T, float> row_input(M&& m) : memory_(rows_view<const half>(m)) {}  // NOLINT: likewise
  template <detail::rows_of<const bfloat16> M>
  requires std::same_as<T, float> row_input(M&& m) : memory_(rows_view<const bfloat16>(m)) {}  // NOLINT: likewise
  row_input(const probabilities<T>& p) : row_input(p.rows) { logarithm_ = true; }              // NOLINT: likewise
  row_input(const row_source<T>& source) : source_(&source) {}                                 // NOLINT: likewise

  explicit operator bool() const { return source_ || memory_; }
  index rows() const { return source_ ? source_->rows() : memory_.layout().rows; }
  index columns() const { return source_ ? source_->columns() : memory_.layout().columns; }
  bool is_probability() const { return logarithm_; }
  /// Rows are read where they lie.
  bool direct() const { return !source_ && !logarithm_ && memory_.direct(); }
  /// Calls f(i, where row first + i lies) for i < count.
  template <class F>
  void each_row(index first, index count, const F& f) const {
    memory_.each_row(first, count, f);
  }
  /// Rows to produce at a time.
  index height() const { return source_ ? source_->height() : memory_.height(); }
  /// Where to begin asking for row r early, for one who asks for as many bytes as a row of T has; null if that is no
  /// use. A row of 16-bit numbers has fewer: what is asked for ends where the row ends.
  const T* upcoming(index r) const {
    const row_layout& layout = memory_.layout();
    if (source_ || layout.column_stride != 1) return nullptr;
    const index size = layout.stored * memory_.element_size(), asked = columns() * static_cast<index>(sizeof(T));
    return reinterpret_cast<const T*>(memory_.address(r) -
                                      static_cast<std::uintptr_t>(std::max<index>(asked - size, 0)));
  }

  void produce(index first, index count, T* tile, index stride) const {
    using std::log;
    if (source_)
      source_->produce(first, count, tile, stride);
    else
      memory_.with_elements(
          [&](const auto* data) { detail::read_rows(data, memory_.layout(), first, count, tile, stride); });
    const index known = !logarithm_ ? 0 : source_ ? columns() : memory_.layout().stored;  // padding is masked already
    for (index r = 0; r < count; ++r)
      for (index c = 0; c < known; ++c) tile[r * stride + c] = log(tile[r * stride + c]);
  }

 private:
  detail::any_rows<T, const void> memory_;
  const row_source<T>* source_ = nullptr;
  bool logarithm_ = false;
};

/// Marks rows as probabilities: the engine takes the logarithm once; zero mass is a masked class. Rows need not sum to
/// 1 exactly, they are renormalised. Log-probabilities need no mark: they are logits.
template <class T>
struct probabilities {
  row_input<T> rows;

  template <class M>
  requires std::convertible_to<M&, row_input<T>>
  explicit probabilities(M&& m) : rows(m) {}
};
template <class U>
probabilities(matrix_view<U>) -> probabilities<detail::computed_type<U>>;
template <class U>
probabilities(rows_view<U>) -> probabilities<detail::computed_type<U>>;
template <detail::eigen_dense M>
probabilities(M&& m) -> probabilities<std::remove_cvref_t<decltype(*m.data())>>;

/// Where the gradient to one named input goes; empty when it is not wanted. Into 16-bit numbers it is rounded once, at
/// the store; adding to them is done in float.
template <class T>
class row_output {
 public:
  row_output() = default;
  template <detail::rows_of<T> M>
  row_output(M&& m) : memory_(rows_view<T>(m)) {}  // NOLINT: the conversion is the point
  template <detail::rows_of<half> M>
  requires std::same_as<T, float> row_output(M&& m) : memory_(rows_view<half>(m)) {}  // NOLINT: likewise
  template <detail::rows_of<bfloat16> M>
  requires std::same_as<T, float> row_output(M&& m) : memory_(rows_view<bfloat16>(m)) {}  // NOLINT: likewise
  row_output(row_sink<T>& sink) : sink_(&sink) {}                                         // NOLINT: likewise

  explicit operator bool() const { return sink_ || memory_; }
  index rows() const { return sink_ ? sink_->rows() : memory_.layout().rows; }
  index columns() const { return sink_ ? sink_->columns() : memory_.layout().columns; }
  bool direct() const { return !sink_ && memory_.direct(); }
  template <class F>
  void each_row(index first, index count, const F& f) const {
    memory_.each_row(first, count, f);
  }
  index height() const { return sink_ ? sink_->height() : memory_.height(); }
  /// Of the whole gradient, where it is one run a row; 0 where it is not.
  index contiguous_bytes() const {
    const row_layout& layout = memory_.layout();
    if (sink_ || !layout.contiguous()) return 0;
    return layout.rows * layout.columns * memory_.element_size();
  }

  /// Before the first row: rows that were not chosen have gradient 0.
  void begin(detail::row_store how) const {
    const row_layout& layout = memory_.layout();
    if (sink_ || !layout.chosen_rows || how == detail::row_store::accumulate) return;
    detail::clear_rows(memory_.data(), memory_.element_size(), layout, layout.chosen_rows->others());
  }
  void consume(index first, index count, const T* tile, index stride, detail::row_store how) const {
    if (sink_) return sink_->consume(first, count, tile, stride);
    memory_.with_elements(
        [&](auto* data) { detail::write_rows(data, memory_.layout(), first, count, tile, stride, how); });
  }

 private:
  detail::any_rows<T, void> memory_;
  row_sink<T>* sink_ = nullptr;
};

DISTILL_NAMESPACE_END
