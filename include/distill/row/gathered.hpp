// Some of a matrix's columns or rows, chosen by ids: read where they lie, gradients scattered back.
#pragma once

#include "../config.hpp"
#include "../core/error.hpp"
#include "index_map.hpp"
#include "rows_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// N × map.count(): class i is column map[i]. The softmax is taken over these alone: of two vocabularies that share
/// some tokens, the student's view by its ids of them and the teacher's by its own are one batch. As a gradient's
/// place: the columns that were not chosen become 0, unless gradients accumulate.
/// @throws argument_error  a map of another number of columns; columns that were chosen or padded before
template <detail::any_rows_view M>
auto gathered_columns(M&& m, const index_map& map) {
  rows_view view(m);
  row_layout& layout = view.layout;
  if (layout.chosen_columns || layout.stored != layout.columns)
    fail("gathered_columns: ", layout.stored, " of ", layout.columns, " columns are chosen or padded already");
  if (map.size() != layout.columns)
    fail("gathered_columns: the map chooses from ", map.size(), " columns, the matrix has ", layout.columns);
  layout.chosen_columns = &map;
  layout.columns = layout.stored = map.count();
  return view;
}

/// map.count() × C: row i is row map[i]; labels, weights and masks are those of the chosen rows. As a gradient's place:
/// the rows that were not chosen become 0, unless gradients accumulate.
/// @throws argument_error  a map of another number of rows; rows that were chosen before
template <detail::any_rows_view M>
auto gathered_rows(M&& m, const index_map& map) {
  rows_view view(m);
  row_layout& layout = view.layout;
  if (layout.chosen_rows)
    fail("gathered_rows: ", layout.rows, " of ", layout.chosen_rows->size(), " rows are chosen already");
  if (map.size() != layout.rows)
    fail("gathered_rows: the map chooses from ", map.size(), " rows, the matrix has ", layout.rows);
  layout.chosen_rows = &map;
  layout.rows = map.count();
  return view;
}

/// The view keeps a pointer to the map.
template <detail::any_rows_view M>
void gathered_columns(M&&, index_map&&) = delete;
template <detail::any_rows_view M>
void gathered_rows(M&&, index_map&&) = delete;

DISTILL_NAMESPACE_END
