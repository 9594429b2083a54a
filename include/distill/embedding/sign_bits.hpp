// Embeddings in a bit a dimension.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// Bit c of row r is 1 where x(r, c) > 0; eight to the byte, the first dimension in the highest bit, and zeros where d
/// is no multiple of 8. In std::uint8_t the bytes as they are, in std::int8_t less 128, as vector stores take them
/// ("ubinary" and "binary" of sentence-transformers, whose convention this is). 0, −0 and what is below are bit 0.
///
///     std::vector<std::uint8_t> codes(n * ((d + 7) / 8));
///     sign_bits(embeddings, matrix_view(codes.data(), n, (d + 7) / 8));
///
/// @param x      n × d, of any strides, as is `codes`
/// @param codes  n × ⌈d/8⌉
/// @throws argument_error  shapes that do not match, a NaN; nothing is written then
template <class T, class Code>
requires std::same_as<Code, std::uint8_t> || std::same_as<Code, std::int8_t>
void sign_bits(const matrix_view<T>& x, const matrix_view<Code>& codes) {
  const index bytes = (x.columns + 7) / 8;
  if (codes.rows != x.rows || codes.columns != bytes)
    fail("sign_bits: codes is ", codes.rows, " x ", codes.columns, ", ", x.rows, " x ", bytes, " expected for ",
         x.columns, " dimensions");
  for (index r = 0; r < x.rows; ++r)
    for (index c = 0; c < x.columns; ++c)
      if (std::isnan(x(r, c))) fail("sign_bits: x(", r, ", ", c, ") is NaN, a number expected");
  constexpr int offset = std::same_as<Code, std::int8_t> ? 128 : 0;
  for (index r = 0; r < x.rows; ++r)
    for (index b = 0; b < bytes; ++b) {
      int byte = 0;
      for (index c = 8 * b; c < 8 * b + 8; ++c) byte = 2 * byte + (c < x.columns && x(r, c) > 0 ? 1 : 0);
      codes(r, b) = static_cast<Code>(byte - offset);
    }
}

DISTILL_NAMESPACE_END
