// Rows that lie in several matrices, a part of the columns in each.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <type_traits>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "batch.hpp"
#include "produced.hpp"
#include "source.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Where each of N parts begins in the joined row, and the parts themselves.
template <class Part, std::size_t N>
class parts_of_rows {
 public:
  parts_of_rows(const char* who, const std::array<Part, N>& parts) : parts_(parts) {
    for (std::size_t n = 0; n < N; ++n) {
      if (!parts[n]) fail(who, ": part ", n, " of ", N, " is empty");
      if (parts[n].rows() != parts[0].rows())
        fail(who, ": part ", n, " has ", parts[n].rows(), " rows, part 0 has ", parts[0].rows());
      columns_ += parts[n].columns();
    }
  }
  index rows() const { return parts_[0].rows(); }
  index columns() const { return columns_; }
  /// Calls f(part, first row, count, offset of its first column), at most as many rows at a time as a part likes.
  template <class F>
  void each(index first, index count, const F& f) const {
    index offset = 0;
    for (const Part& part : parts_) {
      const index height = std::max<index>(part.height(), 1);
      for (index r = 0; r < count; r += height) f(part, first + r, std::min(height, count - r), r, offset);
      offset += part.columns();
    }
  }

 private:
  std::array<Part, N> parts_;
  index columns_ = 0;
};

}  // namespace detail

/// The columns of N inputs one after the other, as one row: a positive's score and its negatives', a head for each
/// group of classes. Whatever a row_input is made of may be a part; it is viewed and must outlive the call. T and N
/// need not be written where the first part is a matrix_view of T.
/// @throws argument_error  an empty part; parts of different numbers of rows
template <class T, std::size_t N>
class side_by_side final : public row_source<T> {
 public:
  template <std::convertible_to<row_input<T>>... Parts>
  requires(sizeof...(Parts) == N) explicit side_by_side(const Parts&... parts)
      : parts_("side_by_side", {row_input<T>(parts)...}) {}

  index rows() const override { return parts_.rows(); }
  index columns() const override { return parts_.columns(); }
  void produce(index first, index count, T* tile, index stride) const override {
    parts_.each(first, count, [&](const row_input<T>& part, index from, index rows, index r, index offset) {
      part.produce(from, rows, tile + r * stride + offset, stride);
    });
  }

 private:
  detail::parts_of_rows<row_input<T>, N> parts_;
};

template <class T, class... Others>
requires number_type<std::remove_const_t<T>> side_by_side(const matrix_view<T>&, const Others&...)
->side_by_side<std::remove_const_t<T>, 1 + sizeof...(Others)>;

/// The way back: every part of the gradient to its own place, which `mode` says whether to overwrite or to add to.
/// Rows that gathered_rows() did not choose are not touched.
/// @throws argument_error  an empty part; parts of different numbers of rows
template <class T, std::size_t N>
class side_by_side_gradients final : public row_sink<T> {
 public:
  template <class... Parts>
  requires(sizeof...(Parts) == N &&
           (... && std::constructible_from<row_output<T>, Parts>)) explicit side_by_side_gradients(store_mode mode,
                                                                                                   Parts&&... parts)
      : parts_("side_by_side_gradients", {row_output<T>(parts)...}),
        how_(mode == store_mode::accumulate ? detail::row_store::accumulate : detail::row_store::overwrite) {}

  index rows() const override { return parts_.rows(); }
  index columns() const override { return parts_.columns(); }
  void consume(index first, index count, const T* tile, index stride) override {
    parts_.each(first, count, [&](const row_output<T>& part, index from, index rows, index r, index offset) {
      part.consume(from, rows, tile + r * stride + offset, stride, how_);
    });
  }

 private:
  detail::parts_of_rows<row_output<T>, N> parts_;
  detail::row_store how_;
};

template <number_type T, class... Others>
side_by_side_gradients(store_mode, const matrix_view<T>&, Others&&...)
    -> side_by_side_gradients<T, 1 + sizeof...(Others)>;

DISTILL_NAMESPACE_END
