// How near embeddings are that have a bit a dimension.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// The number of bits in which two rows of bytes differ. Whether 128 was taken from the bytes does not matter: it
/// changes the same bit in both.
inline index bits_apart(const void* a, const void* b, index bytes) {
  const auto *left = static_cast<const unsigned char*>(a), *right = static_cast<const unsigned char*>(b);
  index sum = 0, i = 0;
  for (; i + 8 <= bytes; i += 8) {
    std::uint64_t x = 0, y = 0;
    std::memcpy(&x, left + i, 8);
    std::memcpy(&y, right + i, 8);
    sum += std::popcount(x ^ y);
  }
  for (; i < bytes; ++i) sum += std::popcount(static_cast<unsigned>(left[i] ^ right[i]));
  return sum;
}

}  // namespace detail

/// scores(q, p) = d − 2 · (bits in which query q and document p differ): the dot product of their signs, larger is
/// nearer, d for the same code and −d for the opposite one.
///
/// @param queries     Q × ⌈d/8⌉ codes of sign_bits, column stride 1
/// @param documents   P × ⌈d/8⌉ codes of the same kind
/// @param dimensions  d
/// @param scores      Q × P, of any strides
/// @throws argument_error  shapes that do not match, another column stride
template <class Query, class Document, class T>
requires std::same_as<std::remove_const_t<Query>, std::remove_const_t<Document>> &&
    (sizeof(Query) == 1) void hamming_scores(const matrix_view<Query>& queries, const matrix_view<Document>& documents,
                                             index dimensions, const matrix_view<T>& scores, execution how = {}) {
  const index bytes = (dimensions + 7) / 8;
  if (dimensions < 0 || queries.columns != bytes || documents.columns != bytes)
    fail("hamming_scores: queries has ", queries.columns, " columns, documents has ", documents.columns, ", ", bytes,
         " expected for ", dimensions, " dimensions");
  if (scores.rows != queries.rows || scores.columns != documents.rows)
    fail("hamming_scores: scores is ", scores.rows, " x ", scores.columns, ", ", queries.rows, " queries and ",
         documents.rows, " documents are given");
  if (queries.column_stride != 1 || documents.column_stride != 1)
    fail("hamming_scores: queries has column stride ", queries.column_stride, ", documents has ",
         documents.column_stride, ", 1 expected");
  detail::for_row_pieces(queries.rows, queries.rows * documents.rows * (bytes + 1), how, [&](index first, index last) {
    for (index q = first; q < last; ++q)
      for (index p = 0; p < documents.rows; ++p)
        scores(q, p) = static_cast<T>(dimensions - 2 * detail::bits_apart(queries.row(q), documents.row(p), bytes));
  });
}

DISTILL_NAMESPACE_END
