// One error type for everything a caller can get wrong, one for what an iteration could not do.
#pragma once

#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../config.hpp"

DISTILL_NAMESPACE_BEGIN

/// Thrown before any output is written; the text names the argument and the values that disagree.
struct argument_error : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// An iteration did not reach the tolerance that was asked of it, and there was no other way to say so. Outputs are
/// written by then.
struct convergence_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

inline std::string text(const char* value) { return value; }
inline std::string text(const std::string& value) { return value; }
inline std::string text(std::string_view value) { return std::string(value); }
/// The shortest text that reads back as the same number.
template <class Number>
std::string text(const Number& value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

template <class... Parts>
std::string message(const Parts&... parts) {
  std::string result = "distill: ";
  ((result += text(parts)), ...);
  return result;
}

}  // namespace detail

/// fail("teacher has ", 11, " columns, student has ", 10)
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw argument_error(detail::message(parts...));
}

DISTILL_NAMESPACE_END
