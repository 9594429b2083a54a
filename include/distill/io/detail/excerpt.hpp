// What a file says, fit for a message of one line.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "../../config.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// The first characters of a file's text.
inline std::string excerpt(std::string_view text, std::size_t size = 20) {
  std::string result(text.substr(0, size));
  std::replace_if(
      result.begin(), result.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

/// A name, whole unless it is absurd.
inline std::string printable(std::string_view name) {
  return "'" + excerpt(name, 100) + (name.size() > 100 ? "…'" : "'");
}

}  // namespace detail
DISTILL_NAMESPACE_END
