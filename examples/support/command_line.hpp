// What the programs' command lines have in common: numbers that are checked, and one line for whatever goes wrong.
#pragma once

#include <charconv>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <distill/core/error.hpp>
#include <distill/io/atomic_file.hpp>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace example {

/// For a number in [low, high]. CLI::Range lets NaN pass, and no check at all lets −1 pass for a large unsigned number.
inline CLI::Validator within(double low, double high) {
  const std::string range = "[" + distill::detail::text(low) + ", " + distill::detail::text(high) + "]";
  const auto check = [=](const std::string& given) {
    double x = 0;
    const char* const end = given.data() + given.size();
    const auto [stopped, error] = std::from_chars(given.data(), end, x);
    const bool holds = error == std::errc() && stopped == end && x >= low && x <= high;
    return holds ? std::string() : "is " + given + ", must lie in " + range;
  };
  return {check, "in " + range};
}
inline CLI::Validator a_seed() { return within(0, 0x1p64); }

/// Parses, or shows the help and ends the program. Throws a sentence that names the flag.
inline void parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    std::exit(app.exit(asked));
  }
}

/// Makes the folder that `file` shall lie in, and throws if it could not be written there: better now than after an
/// hour's work.
inline void check_output(const std::filesystem::path& file) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error)
    throw std::runtime_error("--output: cannot make the folder '" + file.parent_path().string() +
                             "': " + error.message());
  const distill::atomic_file not_committed(file);
}

/// What job() returns; or `failure`, after a line that says what it has thrown.
template <class Job>
int run_program(const char* name, const Job& job, int failure = 1) {
  try {
    return job();
  } catch (const std::exception& error) {
    std::string sentence = error.what();
    if (sentence.starts_with("distill: ")) sentence.erase(0, 9);
    std::fprintf(stderr, "%s: %s\n", name, sentence.c_str());
    return failure;
  }
}

}  // namespace example
