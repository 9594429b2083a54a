// Rows of the engine's own numbers or of 16-bit ones, under one type.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../core/half.hpp"
#include "rows_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Whether M is a matrix or a view of rows of U (const or not).
template <class M, class U>
concept rows_of = std::convertible_to<M&, rows_view<U>>;

/// A rows_view of T, or of 16-bit numbers where T is float, under one type. Void is void or const void.
template <class T, class Void>
class any_rows {
  template <class U>
  using element = std::conditional_t<std::is_const_v<Void>, const U, U>;
  enum class storage { own, half, bfloat16 };

 public:
  any_rows() = default;
  any_rows(const rows_view<element<T>>& v) : data_(v.data), layout_(v.layout) {}
  any_rows(const rows_view<element<half>>& v) requires std::same_as<T, float>
      : data_(v.data), layout_(v.layout), storage_(storage::half) {}
  any_rows(const rows_view<element<bfloat16>>& v) requires std::same_as<T, float>
      : data_(v.data), layout_(v.layout), storage_(storage::bfloat16) {}

  Void* data() const { return data_; }
  const row_layout& layout() const { return layout_; }
  /// Given at all. A batch of no rows may have a null pointer.
  explicit operator bool() const { return data_ || (layout_.columns > 0 && layout_.rows == 0); }
  bool direct() const { return storage_ == storage::own && layout_.contiguous(); }
  template <class F>
  void each_row(index first, index count, const F& f) const {
    element<T>* const data = static_cast<element<T>*>(data_);
    layout_.each_row(first, count, [&](index i, index place) { f(i, data + place); });
  }
  /// Calls f(pointer to the first element).
  template <class F>
  auto with_elements(F&& f) const {
    if constexpr (std::same_as<T, float>) {
      if (storage_ == storage::half) return f(static_cast<element<half>*>(data_));
      if (storage_ == storage::bfloat16) return f(static_cast<element<bfloat16>*>(data_));
    }
    return f(static_cast<element<T>*>(data_));
  }
  index element_size() const { return storage_ == storage::own ? static_cast<index>(sizeof(T)) : 2; }
  std::uintptr_t address(index r) const {
    return reinterpret_cast<std::uintptr_t>(data_) + static_cast<std::uintptr_t>(layout_.row(r) * element_size());
  }
  /// Rows to copy at a time: those that share cache lines, or one, which stays in the cache itself.
  index height() const { return layout_.column_stride == 1 ? 1 : static_cast<index>(cache_line) / element_size(); }

 private:
  Void* data_ = nullptr;
  row_layout layout_;
  storage storage_ = storage::own;
};

/// What numbers stored as U are computed in.
template <class U>
struct computed_in {
  using type = std::remove_const_t<U>;
};
template <int E>
struct computed_in<packed_float<E>> {
  using type = float;
};
template <class U>
using computed_type = typename computed_in<std::remove_const_t<U>>::type;

}  // namespace detail
DISTILL_NAMESPACE_END
