// NPY files: one array, as NumPy saves it.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../config.hpp"
#include "../core/half.hpp"
#include "../core/matrix_view.hpp"
#include "atomic_file.hpp"
#include "detail/excerpt.hpp"
#include "detail/input_file.hpp"
#include "detail/npy_header.hpp"
#include "file_error.hpp"

DISTILL_NAMESPACE_BEGIN

enum class npy_type { float16, float32, float64, int32, int64 };

/// An array in row-major order; extents outermost first, none for a single number.
struct npy_array {
  npy_type type = npy_type::float64;
  std::vector<index> extents;
  std::vector<std::uint8_t> bytes;

  index size() const;
  bool is_integer() const { return type == npy_type::int32 || type == npy_type::int64; }
  /// The elements, each converted to Number.
  template <class Number>
  std::vector<Number> values() const;
};

namespace detail {

static_assert(std::endian::native == std::endian::little,
              "io/npy.hpp reads and writes little-endian numbers as they are");

struct npy_format {
  npy_type type;
  const char* name;
  index bytes;
};
inline constexpr std::array npy_formats{npy_format{npy_type::float16, "<f2", 2},
                                        npy_format{npy_type::float32, "<f4", 4},
                                        npy_format{npy_type::float64, "<f8", 8}, npy_format{npy_type::int32, "<i4", 4},
                                        npy_format{npy_type::int64, "<i8", 8}};
inline const npy_format& format_of(npy_type type) { return npy_formats[static_cast<std::size_t>(type)]; }
/// Calls f(a number of the C++ type that stands for `type`).
template <class F>
auto with_npy_type(npy_type type, F&& f) {
  switch (type) {
    case npy_type::float16: return f(half());
    case npy_type::float32: return f(float());
    case npy_type::int32: return f(std::int32_t());
    case npy_type::int64: return f(std::int64_t());
    default: return f(double());
  }
}

template <class Number>
consteval npy_type npy_type_of() {
  if (std::is_same_v<Number, half>) return npy_type::float16;
  if (std::is_same_v<Number, float>) return npy_type::float32;
  if (std::is_same_v<Number, std::int32_t>) return npy_type::int32;
  if (std::is_same_v<Number, std::int64_t>) return npy_type::int64;
  if (!std::is_same_v<Number, double>) throw "npy: not a type of this format";
  return npy_type::float64;
}

inline constexpr std::string_view npy_magic = "\x93NUMPY";
inline constexpr std::size_t npy_largest_header = std::size_t{1} << 16;
inline constexpr index npy_largest_size = index{1} << 40;  // bytes

/// The next `size` bytes, or all that are left: memory follows what is really there, not what a header claims.
inline std::vector<std::uint8_t> read_up_to(std::istream& file, std::size_t size) {
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < size && file) {
    const std::size_t have = bytes.size(), step = std::min(size - have, std::max(have, std::size_t{1} << 16));
    bytes.resize(have + step);
    file.read(reinterpret_cast<char*>(bytes.data()) + have, static_cast<std::streamsize>(step));
    bytes.resize(have + static_cast<std::size_t>(file.gcount()));
  }
  return bytes;
}

}  // namespace detail

inline index npy_array::size() const { return std::ssize(bytes) / detail::format_of(type).bytes; }

template <class Number>
std::vector<Number> npy_array::values() const {
  return detail::with_npy_type(type, [&]<class Stored>(Stored) {
    std::vector<Number> result(bytes.size() / sizeof(Stored));
    for (std::size_t i = 0; i < result.size(); ++i) {
      Stored x;
      std::memcpy(&x, bytes.data() + i * sizeof x, sizeof x);
      if constexpr (std::is_arithmetic_v<Stored>)
        result[i] = static_cast<Number>(x);
      else
        result[i] = static_cast<Number>(static_cast<float>(x));
    }
    return result;
  });
}

/// Reads versions 1, 2 and 3 of the format. Source: NumPy Enhancement Proposal 1 and numpy.lib.format.
/// @throws file_error  missing or unreadable file, wrong magic number, version, element type or order, malformed
///   header, fewer or more data than its shape says
inline npy_array read_npy(const std::filesystem::path& path) {
  std::ifstream file = detail::open_file(path);
  const auto next = [&](std::size_t size) {
    const std::vector<std::uint8_t> bytes = detail::read_up_to(file, size);
    return std::string(bytes.begin(), bytes.end());
  };
  const std::string start = next(8);
  if (start.size() < 8 || !start.starts_with(detail::npy_magic))
    detail::fail_file(path, "not an NPY file: it does not start with \\x93NUMPY and a version");
  const int version = static_cast<unsigned char>(start[6]);
  if (version < 1 || version > 3) detail::fail_file(path, "version is ", version, ", supported are 1, 2 and 3");
  const std::string length = next(version == 1 ? 2 : 4);
  std::size_t size = 0;
  for (std::size_t i = length.size(); i-- > 0;) size = size * 256 + static_cast<unsigned char>(length[i]);
  if (size > detail::npy_largest_header)
    detail::fail_file(path, "header of ", size, " bytes, at most ", detail::npy_largest_header, " are supported");
  const std::string text = next(size);
  if (length.size() < (version == 1 ? 2 : 4) || text.size() < size)
    detail::fail_file(path, "truncated header: ", text.size(), " bytes, ", size, " expected");
  const detail::npy_header header(path, text);

  npy_array result;
  result.extents = header.extents;
  const auto format = std::find_if(detail::npy_formats.begin(), detail::npy_formats.end(),
                                   [&](const auto& f) { return header.descr == f.name; });
  if (format == detail::npy_formats.end())
    detail::fail_file(path, "element type is ", detail::excerpt(header.descr),
                      ", supported are <f2, <f4, <f8, <i4 and <i8");
  result.type = format->type;
  index bytes = std::count(header.extents.begin(), header.extents.end(), 0) > 0 ? 0 : format->bytes;
  for (const index extent : header.extents) {
    if (bytes > 0 && extent > detail::npy_largest_size / bytes)
      detail::fail_file(path, "the shape claims more than ", detail::npy_largest_size, " bytes");
    bytes *= extent;
  }
  result.bytes = detail::read_up_to(file, static_cast<std::size_t>(bytes));
  if (std::ssize(result.bytes) < bytes)
    detail::fail_file(path, "truncated data: ", result.bytes.size(), " bytes, the shape needs ", bytes);
  if (file.peek() != std::ifstream::traits_type::eof())
    detail::fail_file(path, "more data than the ", bytes, " bytes of its shape");
  return result;
}

/// Writes version 1, atomically. Number: half, float, double, std::int32_t or std::int64_t.
/// @throws argument_error  a negative extent
/// @throws file_error  the file cannot be written
template <class Number>
void write_npy(const std::filesystem::path& path, const Number* data, const std::vector<index>& extents) {
  std::string shape;
  std::size_t bytes = sizeof(Number);
  for (const index extent : extents) {
    if (extent < 0) fail("write_npy: an extent is ", extent, ", at least 0 expected");
    shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
    bytes *= static_cast<std::size_t>(extent);
  }
  std::string header = std::string("{'descr': '") + detail::format_of(detail::npy_type_of<Number>()).name +
                       "', 'fortran_order': False, 'shape': (" + shape + (extents.size() == 1 ? ",), }" : "), }");
  header.append(63 - (header.size() + 10) % 64, ' ');  // so that the data begins at a multiple of 64
  header += '\n';
  const auto size = static_cast<std::uint16_t>(header.size());
  const char version_and_size[] = {1, 0, static_cast<char>(size % 256), static_cast<char>(size / 256)};
  atomic_file file(path);
  file.write(std::string(detail::npy_magic) + std::string(version_and_size, 4) + header);
  file.write(data, bytes);
  file.commit();
}

DISTILL_NAMESPACE_END
