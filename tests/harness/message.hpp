// What an argument_error says.
#pragma once

#include <string>

#include <distill/core/error.hpp>

namespace harness {

template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const distill::argument_error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace harness
