// Embeddings cut off after so many dimensions.
#pragma once

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"
#include "../core/sums.hpp"

DISTILL_NAMESPACE_BEGIN

/// to = x_{:d}/‖x_{:d}‖, row by row, d = to.columns: what is left of an embedding whose first dimensions say most, at
/// length 1 again.
/// Source: Kusupati et al. 2022 (Matryoshka), arXiv 2205.13147.
///
/// @param x   n × D, of any strides
/// @param to  n × d, column stride 1; may be the first columns of x. A row of zeros stays one; a NaN or an infinity
///            makes its row NaN or 0
/// @throws argument_error  another number of rows, d outside [1, D], another column stride
template <class T>
void shorten(const matrix_view<const std::type_identity_t<T>>& x, const matrix_view<T>& to, execution how = {}) {
  if (to.rows != x.rows) fail("shorten: to has ", to.rows, " rows, x has ", x.rows);
  if (to.columns < 1 || to.columns > x.columns)
    fail("shorten: to has ", to.columns, " columns, 1 to the ", x.columns, " of x expected");
  if (to.column_stride != 1) fail("shorten: to has column stride ", to.column_stride, ", 1 expected");
  detail::for_row_pieces(x.rows, x.rows * to.columns, how, [&](index first, index last) {
    for (index r = first; r < last; ++r) {
      T* const row = to.row(r);
      for (index c = 0; c < to.columns; ++c) row[c] = x(r, c);
      const wide<T> norm = detail::norm<T>(row, to.columns);
      detail::resize_to<T>(row, to.columns, 1, norm, row);
    }
  });
}

DISTILL_NAMESPACE_END
