// A number of an objective or a call that may differ from row to row.
#pragma once

#include <concepts>
#include <type_traits>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// One number for every row (`.temperature = 4`), or one per row (`.temperature = taus`, any contiguous float or double
/// range; it is viewed, not copied, and must outlive the call).
class row_parameter {
 public:
  template <class Number>
  requires std::is_arithmetic_v<Number>
  constexpr row_parameter(Number value) : value_(static_cast<double>(value)) {}  // NOLINT: the conversion is the point
  template <std::floating_point F>
  constexpr row_parameter(const F* values, index size, index stride = 1)
      : values_(values),
        size_(size),
        stride_(stride),
        read_([](const void* p, index i) -> double { return static_cast<double>(static_cast<const F*>(p)[i]); }) {}
  template <class Range>
  requires detail::one_dimensional<Range> && requires(const Range& r) {
    { *r.data() } -> std::convertible_to<double>;
    { r.size() } -> std::convertible_to<index>;
  } && std::floating_point<std::remove_cvref_t<decltype(*std::declval<const Range&>().data())>>
  constexpr row_parameter(const Range& range)  // NOLINT: the conversion is the point
      : row_parameter(range.data(), static_cast<index>(range.size()), detail::element_stride(range)) {}

  /// Whether it was given as a range, an empty one included.
  constexpr bool varies() const { return read_ != nullptr; }
  /// The number of rows it is given for; 0 when it is the same for all.
  constexpr index size() const { return size_; }
  constexpr double operator[](index row) const {
    return offset_ + (varies() ? value_ * read_(values_, row * stride_) : value_);
  }

  /// The same parameter times a constant.
  constexpr row_parameter scaled(double factor) const {
    row_parameter result = *this;
    result.value_ *= factor;
    result.offset_ *= factor;
    return result;
  }
  /// 1 less the same parameter: the other share.
  constexpr row_parameter complement() const {
    row_parameter result = scaled(-1);
    result.offset_ += 1;
    return result;
  }
  /// The same parameter for the first rows alone.
  constexpr row_parameter first(index rows) const {
    row_parameter result = *this;
    if (varies()) result.size_ = rows;
    return result;
  }
  friend constexpr bool operator==(const row_parameter& a, const row_parameter& b) {
    return a.value_ == b.value_ && a.offset_ == b.offset_ && a.values_ == b.values_ && a.size_ == b.size_ &&
           a.stride_ == b.stride_ && a.varies() == b.varies();
  }

  /// Throws unless it is a constant or has one entry a row.
  void require_rows(const char* name, index rows) const {
    if (varies() && size_ != rows) fail(name, " has ", size_, " entries, the batch has ", rows, " rows");
  }

 private:
  const void* values_ = nullptr;
  index size_ = 0, stride_ = 1;
  double (*read_)(const void*, index) = nullptr;
  double value_ = 1;  // alone, or as a factor of every entry
  double offset_ = 0;
};

DISTILL_NAMESPACE_END
