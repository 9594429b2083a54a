// Rows and fields of a table as text.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "../../config.hpp"
#include "../../core/matrix_view.hpp"
#include "../file_error.hpp"
#include "excerpt.hpp"
#include "input_file.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

inline constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

/// A whole file.
inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file = open_file(path);
  std::string text;
  char block[1 << 16];
  while (file.read(block, sizeof block), file.gcount() > 0) text.append(block, static_cast<std::size_t>(file.gcount()));
  if (file.bad()) fail_file(path, "cannot read");
  return text;
}

/// Walks through a table. A field is valid until the next one.
class csv_text {
 public:
  csv_text(const std::filesystem::path& path, std::string_view text, char separator)
      : path_(path), rest_(text), separator_(separator) {
    if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
  }

  /// Skips empty lines; false at the end.
  bool next_row() {
    while (end_of_line()) {
    }
    in_row_ = !rest_.empty();
    begin_column_ = column_;
    return in_row_;
  }
  /// false at the end of the row
  bool next_field() {
    if (!in_row_) return false;
    begin_line_ = line_;
    begin_column_ = column_;
    field_.clear();
    if (!rest_.empty() && rest_[0] == '"')
      quoted();
    else
      while (!rest_.empty() && !at_end()) field_ += take();
    if (!rest_.empty() && rest_[0] == separator_)
      take();
    else
      in_row_ = false;
    if (!in_row_ && !rest_.empty() && !end_of_line()) {
      begin_line_ = line_, begin_column_ = column_;
      fail_here("'", excerpt(rest_.substr(0, 1)),
                "' after a quoted field, a separator or the end of the line expected");
    }
    return true;
  }
  const std::string& field() const { return field_; }
  /// Of the next character, from 1.
  index line() const { return line_; }

  /// Names the line and column where the field begins.
  template <class... Parts>
  [[noreturn]] void fail_here(const Parts&... parts) const {
    fail_file(path_, "line ", begin_line_, ", column ", begin_column_, ": ", parts...);
  }

 private:
  bool at_end() const { return rest_[0] == separator_ || rest_[0] == '\n' || rest_.starts_with("\r\n"); }
  char take() {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    if (c == '\n') {
      ++line_;
      column_ = 1;
    } else {
      ++column_;
    }
    return c;
  }
  bool end_of_line() {
    if (rest_.starts_with("\r\n")) take();
    if (rest_.empty() || rest_[0] != '\n') return false;
    take();
    return true;
  }
  void quoted() {
    take();
    for (;;) {
      if (rest_.empty()) fail_here("the quote is not closed");
      const char c = take();
      if (c != '"') {
        field_ += c;
      } else if (!rest_.empty() && rest_[0] == '"') {
        field_ += take();
      } else {
        return;
      }
    }
  }

  const std::filesystem::path& path_;
  std::string_view rest_;
  char separator_;
  bool in_row_ = false;
  index line_ = 1, column_ = 1, begin_line_ = 1, begin_column_ = 1;
  std::string field_;
};

inline std::string csv_quoted(const std::string& text, char separator) {
  const bool plain = text.find_first_of(std::string("\"\r\n") + separator) == std::string::npos;
  if (plain && !text.empty() && !text.starts_with(byte_order_mark)) return text;
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + '"';
}

}  // namespace detail
DISTILL_NAMESPACE_END
