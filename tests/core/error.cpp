// The text of an argument_error.
#include <doctest/doctest.h>

#include <limits>
#include <string>

#include <distill/core/error.hpp>

namespace {

template <class... Parts>
std::string text_of(const Parts&... parts) {
  try {
    distill::fail(parts...);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("fail joins its parts behind the library's name") {
  CHECK(text_of("teacher has ", 11, " columns, student has ", 10L) ==
        "distill: teacher has 11 columns, student has 10");
  CHECK(text_of(std::string("mask"), " is empty") == "distill: mask is empty");
  CHECK_THROWS_AS(distill::fail("x"), distill::argument_error);
}

TEST_CASE("numbers read as they were written") {
  CHECK(text_of(0.5) == "distill: 0.5");
  CHECK(text_of(-1.0) == "distill: -1");
  CHECK(text_of(100.0) == "distill: 100");
  CHECK(text_of(-100) == "distill: -100");
  CHECK(text_of(std::numeric_limits<double>::infinity()) == "distill: inf");
  CHECK(text_of(std::numeric_limits<double>::quiet_NaN()) == "distill: nan");
}

TEST_CASE("a small number is not written as 0") {
  CHECK(text_of(1e-9) != "distill: 0");
  CHECK(text_of(1.0000001) != "distill: 1");
}
