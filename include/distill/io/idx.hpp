// IDX files: the format of MNIST, Fashion-MNIST, KMNIST and EMNIST. Needs zlib.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "detail/gzip_reader.hpp"
#include "file_error.hpp"

DISTILL_NAMESPACE_BEGIN

/// An array of unsigned bytes with 1 to 4 extents, the last one contiguous (images: count × height × width).
struct idx_file {
  std::vector<index> extents;
  std::vector<std::uint8_t> bytes;
};

namespace detail {

inline constexpr int idx_largest_rank = 4;
/// No data set of the family comes near 4 GiB; a header that claims more is damaged.
inline constexpr index idx_largest_size = index{1} << 32;

inline std::string idx_byte(unsigned byte) {
  const char* digits = "0123456789abcdef";
  return std::string("0x") + digits[byte / 16] + digits[byte % 16];
}

inline std::string idx_type(unsigned type) {
  switch (type) {
    case 0x08: return "unsigned byte (0x08)";
    case 0x09: return "signed byte (0x09)";
    case 0x0b: return "16-bit integer (0x0b)";
    case 0x0c: return "32-bit integer (0x0c)";
    case 0x0d: return "32-bit float (0x0d)";
    case 0x0e: return "64-bit float (0x0e)";
    default: return "unknown (" + idx_byte(type) + ")";
  }
}

}  // namespace detail

/// Reads an IDX file of unsigned bytes, plain or gzip'd (told apart by their content, not by their name).
///
/// Layout: two zero bytes, type, rank, `rank` extents as 32-bit big-endian integers, then the data in row-major order.
/// Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section on the IDX file format.
/// @param rank  the number of extents the caller can use: 1 for labels, 3 for images; none accepts 1 to 4
/// @throws file_error  missing or unreadable file, wrong magic number, a type other than unsigned byte, wrong rank,
///   more than 2³² bytes, header or data too short, bytes after the data, damaged gzip stream. Whatever a gzip file
///   holds after its last complete stream is ignored, as gzip itself does.
inline idx_file read_idx(const std::filesystem::path& path, std::optional<int> rank = std::nullopt) {
  detail::gzip_reader file(path);
  const auto read_header = [&](std::uint8_t* to, std::size_t offset, std::size_t size) {
    const std::size_t got = file.read(to, size);
    if (got < size) detail::fail_file(path, "truncated header: ", offset + got, " bytes, ", offset + size, " expected");
  };

  std::uint8_t magic[4];
  read_header(magic, 0, 4);
  if (magic[0] != 0 || magic[1] != 0)
    detail::fail_file(path, "not an IDX file: it starts with ", detail::idx_byte(magic[0]), " ",
                      detail::idx_byte(magic[1]), ", expected 0x00 0x00");
  if (magic[2] != 0x08)
    detail::fail_file(path, "element type is ", detail::idx_type(magic[2]), ", supported is ", detail::idx_type(0x08));
  const int found = magic[3];
  if (found < 1 || found > detail::idx_largest_rank)
    detail::fail_file(path, "rank is ", found, ", supported are 1 to ", detail::idx_largest_rank);
  if (rank && *rank != found) detail::fail_file(path, "rank is ", found, ", expected ", *rank);

  idx_file result;
  std::string shape;
  for (int axis = 0; axis < found; ++axis) {
    std::uint8_t word[4];
    read_header(word, 4 + 4 * static_cast<std::size_t>(axis), 4);
    index extent = 0;
    for (const std::uint8_t byte : word) extent = extent * 256 + byte;
    result.extents.push_back(extent);
    shape += (axis > 0 ? " x " : "") + std::to_string(extent);
  }
  // An empty axis makes the array empty, whatever the other extents claim.
  index size = std::ranges::count(result.extents, 0) > 0 ? 0 : 1;
  for (const index extent : result.extents) {
    if (size > 0 && extent > detail::idx_largest_size / size)
      detail::fail_file(path, "extents ", shape, " claim too much data, at most ", detail::idx_largest_size,
                        " bytes are supported");
    size *= extent;
  }

  result.bytes = file.read_up_to(static_cast<std::size_t>(size));
  if (std::ssize(result.bytes) < size)
    detail::fail_file(path, "truncated data: ", result.bytes.size(), " bytes, extents ", shape, " need ", size);
  // Asking for one byte more also makes zlib verify the checksum at the end of the stream.
  if (std::uint8_t extra = 0; file.read(&extra, 1) != 0)
    detail::fail_file(path, "more data than the ", size, " bytes of extents ", shape);
  return result;
}

DISTILL_NAMESPACE_END
