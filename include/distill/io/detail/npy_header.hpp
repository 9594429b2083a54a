// The header of an NPY file.
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "../../config.hpp"
#include "../../core/matrix_view.hpp"
#include "../file_error.hpp"
#include "excerpt.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

inline constexpr std::size_t npy_largest_rank = 16;

/// Reads the header's text, {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, of which Python would allow
/// more spellings than NumPy writes.
class npy_header {
 public:
  npy_header(const std::filesystem::path& path, std::string_view text) : path_(path), rest_(text) {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && descr.empty())
        descr = quoted();
      else if (key == "fortran_order" && order_.empty())
        order_ = word();
      else if (key == "shape" && !has_shape_)
        read_shape();
      else
        malformed();
      if (!accept(',') && peek() != '}') malformed();
    }
    if (peek() != '\0' || descr.empty() || !has_shape_ || (order_ != "False" && order_ != "True")) malformed();
    if (order_ == "True" && extents.size() > 1)
      fail_file(path_, "fortran_order is True, only row-major arrays are supported");
  }

  std::string_view descr;
  std::vector<index> extents;

 private:
  [[noreturn]] void malformed() const { fail_file(path_, "malformed header at '", excerpt(rest_), "'"); }
  char peek() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
    return rest_.empty() ? '\0' : rest_[0];
  }
  bool accept(char c) {
    if (peek() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) malformed();
  }
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') malformed();
    rest_.remove_prefix(1);
    const std::size_t end = rest_.find(quote);
    if (end == 0 || end == std::string_view::npos) malformed();
    const std::string_view text = take(end);
    rest_.remove_prefix(1);
    return text;
  }
  std::string_view word() {
    peek();
    return take(static_cast<std::size_t>(
        std::find_if_not(rest_.begin(), rest_.end(), [](unsigned char c) { return std::isalnum(c); }) - rest_.begin()));
  }
  void read_shape() {
    has_shape_ = true;
    expect('(');
    while (!accept(')')) {
      const std::string_view digits = word();
      index extent = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), extent);
      if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
          extents.size() == npy_largest_rank)
        malformed();
      extents.push_back(extent);
      if (!accept(',') && peek() != ')') malformed();
    }
  }

  const std::filesystem::path& path_;
  std::string_view rest_, order_;
  bool has_shape_ = false;
};

}  // namespace detail
DISTILL_NAMESPACE_END
