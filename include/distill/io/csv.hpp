// Tables of numbers as text.
#pragma once

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "atomic_file.hpp"
#include "detail/csv_text.hpp"
#include "detail/excerpt.hpp"
#include "file_error.hpp"

DISTILL_NAMESPACE_BEGIN

struct csv_options {
  char separator = ',';
  bool header = true;               ///< the first line holds the names of the columns
  std::optional<double> missing{};  ///< what an empty field stands for; none: an empty field is an error
};

/// rows × columns numbers, row-major.
struct csv_table {
  std::vector<std::string> names;  ///< of the columns; empty without a header
  std::vector<double> values;
  index rows = 0;
  index columns = 0;

  matrix_view<const double> matrix() const { return {values.data(), rows, columns}; }
};

namespace detail {

/// A decimal number, inf or nan as C spells them, blanks around it and a plus before it included.
inline bool parse_number(std::string_view field, double& number) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!field.empty() && blank(field.front())) field.remove_prefix(1);
  while (!field.empty() && blank(field.back())) field.remove_suffix(1);
  if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
  return !field.empty() && end == field.data() + field.size() && error == std::errc();
}

inline void check_separator(const char* who, char separator) {
  if (separator == '"' || separator == '\n' || separator == '\r')
    fail(who, ": separator is '", excerpt(std::string_view(&separator, 1)),
         "', neither quote nor end of line expected");
}

}  // namespace detail

/// Reads numbers, one row a line, every row of the same length. A field may stand in double quotes, within which the
/// separator and ends of line are text and two quotes are one. Lines end with \n or \r\n; empty lines and a byte order
/// mark are skipped. Source: Y. Shafranovich, RFC 4180, 2005.
/// @throws argument_error  the separator is a quote or an end of line
/// @throws file_error  missing or unreadable file; with line and column: a field that is no number or does not fit a
///   double, an empty field where `missing` is not set, a row of another length, a quote that is not closed or followed
///   by more
inline csv_table read_csv(const std::filesystem::path& path, const csv_options& options = {}) {
  detail::check_separator("read_csv", options.separator);
  const std::string text = detail::read_text(path);
  detail::csv_text in(path, text, options.separator);
  csv_table result;
  index first_line = 0;
  while (in.next_row()) {
    const index line = in.line();
    const bool names = options.header && first_line == 0;
    index fields = 0;
    while (in.next_field()) {
      ++fields;
      if (names) {
        result.names.push_back(in.field());
        continue;
      }
      double number = options.missing.value_or(0);
      const bool given = !in.field().empty() || !options.missing;
      if (given && !detail::parse_number(in.field(), number))
        in.fail_here("'", detail::excerpt(in.field()), "' is no number of the range of double");
      result.values.push_back(number);
    }
    if (first_line == 0) {
      first_line = line;
      result.columns = fields;
    }
    if (fields != result.columns)
      detail::fail_file(path, "line ", line, " has ", fields, " fields, line ", first_line, " has ", result.columns);
    if (!names) ++result.rows;
  }
  return result;
}

/// Writes numbers with the fewest digits that read back as the same number, atomically, after a line of names if there
/// are any.
/// @throws argument_error  another number of names than of columns, a separator as above
/// @throws file_error  the file cannot be written
inline void write_csv(const std::filesystem::path& path, const matrix_view<const double>& values,
                      const std::vector<std::string>& names = {}, char separator = ',') {
  detail::check_separator("write_csv", separator);
  if (!names.empty() && std::ssize(names) != values.columns)
    fail("write_csv: ", names.size(), " names, ", values.columns, " columns");
  std::string text;
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (c > 0) text += separator;
    text += detail::csv_quoted(names[c], separator);
  }
  if (!names.empty()) text += '\n';
  for (index r = 0; r < values.rows; ++r)
    for (index c = 0; c < values.columns; ++c) {
      text += detail::text(values(r, c));
      text += c + 1 < values.columns ? separator : '\n';
    }
  atomic_file file(path);
  file.write(text);
  file.commit();
}

DISTILL_NAMESPACE_END
