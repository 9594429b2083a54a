// One array of a safetensors file.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/half.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// The element types of the format, in the order in which its files are sorted. f8_e4m3 is the one without infinities
/// ("fn"); the fnuz types have no negative zero either; f4 is e2m1, two to a byte.
enum class safetensors_type {
  boolean,
  f4,
  f6_e2m3,
  f6_e3m2,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64
};

namespace detail {

static_assert(std::endian::native == std::endian::little, "safetensors are read and written as they lie in memory");

struct safetensors_format {
  const char* name;
  std::uint64_t bits;
};
inline constexpr safetensors_format safetensors_formats[] = {
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
inline const safetensors_format& format_of(safetensors_type type) {
  return safetensors_formats[static_cast<std::size_t>(type)];
}

template <class Number>
consteval safetensors_type safetensors_type_of() {
  using enum safetensors_type;
  if (std::is_same_v<Number, bool>) return boolean;
  if (std::is_same_v<Number, half>) return f16;
  if (std::is_same_v<Number, bfloat16>) return bf16;
  if (std::is_same_v<Number, float>) return f32;
  if (std::is_same_v<Number, double>) return f64;
  if (!std::is_integral_v<Number>) throw "safetensors: not a type of this format";
  constexpr bool is_signed = std::is_signed_v<Number>;
  switch (sizeof(Number)) {
    case 1: return is_signed ? i8 : u8;
    case 2: return is_signed ? i16 : u16;
    case 4: return is_signed ? i32 : u32;
    default: return is_signed ? i64 : u64;
  }
}

/// Calls f(a number of the C++ type that stands for `type`); false if there is none.
template <class F>
bool with_safetensors_type(safetensors_type type, const F& f) {
  using enum safetensors_type;
  switch (type) {
    case boolean:
    case u8: return f(std::uint8_t()), true;
    case i8: return f(std::int8_t()), true;
    case i16: return f(std::int16_t()), true;
    case u16: return f(std::uint16_t()), true;
    case f16: return f(half()), true;
    case bf16: return f(bfloat16()), true;
    case i32: return f(std::int32_t()), true;
    case u32: return f(std::uint32_t()), true;
    case f32: return f(float()), true;
    case f64: return f(double()), true;
    case i64: return f(std::int64_t()), true;
    case u64: return f(std::uint64_t()), true;
    default: return false;
  }
}

}  // namespace detail

/// A name, an element type, extents outermost first (none: a single number) and the elements where they lie, which need
/// not be aligned. A view: of a file that was read, or of what is to be written.
struct safetensors_tensor {
  std::string name{};
  safetensors_type type = safetensors_type::f32;
  std::vector<index> extents{};
  std::span<const std::uint8_t> bytes{};

  /// A view of an array in memory. Number: bool, half, bfloat16, float, double or an integer.
  template <class Number>
  static safetensors_tensor of(std::string name, const Number* data, std::vector<index> extents) {
    std::size_t size = sizeof(Number);
    for (const index extent : extents) {
      if (extent < 0) fail("safetensors: an extent of ", name, " is ", extent, ", at least 0 expected");
      size *= static_cast<std::size_t>(extent);
    }
    return {.name = std::move(name),
            .type = detail::safetensors_type_of<Number>(),
            .extents = std::move(extents),
            .bytes = {reinterpret_cast<const std::uint8_t*>(data), size}};
  }

  const char* type_name() const { return detail::format_of(type).name; }
  index size() const { return static_cast<index>(bytes.size() * 8 / detail::format_of(type).bits); }
  /// "F32 128×10"
  std::string text() const {
    std::string result = type_name();
    for (std::size_t i = 0; i < extents.size(); ++i) result += (i == 0 ? " " : "×") + std::to_string(extents[i]);
    return result;
  }

  /// Whether copy_to() takes it.
  bool is_number() const {
    return detail::with_safetensors_type(type, [](auto) {});
  }
  /// The elements, converted: to float or double from every type but the ones below 16 bits and complex (whose bytes
  /// are there to be read), to an integer from bool and integers. to: size() elements.
  /// @throws argument_error  no such conversion, or an integer that does not fit
  template <class Number>
  void copy_to(Number* to) const {
    const bool known = detail::with_safetensors_type(type, [&]<class Stored>(Stored) {
      if constexpr (std::is_integral_v<Number> && !std::is_integral_v<Stored>)
        fail("safetensors: ", name, " is ", text(), ", integers expected");
      else
        for (std::size_t i = 0; i < bytes.size() / sizeof(Stored); ++i) {
          Stored x;
          std::memcpy(&x, bytes.data() + i * sizeof x, sizeof x);
          if constexpr (std::is_integral_v<Number>) {
            if (!std::in_range<Number>(x))
              fail("safetensors: element ", i, " of ", name, " is ", x, ", it does not fit");
            to[i] = static_cast<Number>(x);
          } else if constexpr (std::is_arithmetic_v<Stored>) {
            to[i] = static_cast<Number>(x);
          } else {
            to[i] = static_cast<Number>(static_cast<float>(x));
          }
        }
    });
    if (!known) fail("safetensors: ", name, " is ", text(), ", which is only there as bytes");
  }
  template <class Number>
  std::vector<Number> values() const {
    std::vector<Number> result(static_cast<std::size_t>(size()));
    copy_to(result.data());
    return result;
  }
};

DISTILL_NAMESPACE_END
