// One error type for everything a caller can get wrong.
#pragma once

#include <stdexcept>
#include <string>

#include "../config.hpp"

DISTILL_NAMESPACE_BEGIN

/// Thrown before any output is written; the text names the argument and the values that disagree.
struct argument_error : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

namespace detail {

inline std::string text(const char* value) { return value; }
inline std::string text(const std::string& value) { return value; }
template <class Number>
std::string text(const Number& value) {
  std::string digits = std::to_string(value);
  if (digits.find('.') != std::string::npos) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
  }
  return digits;
}

}  // namespace detail

/// fail("teacher has ", 11, " columns, student has ", 10)
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::string message = "distill: ";
  ((message += detail::text(parts)), ...);
  throw argument_error(message);
}

DISTILL_NAMESPACE_END
