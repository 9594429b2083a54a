// What goes wrong with a file is not the caller's mistake, so it is not an argument_error.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include "../config.hpp"
#include "../core/error.hpp"

DISTILL_NAMESPACE_BEGIN

/// A file is missing, unreadable, damaged or of another format; the text names the file and the values that disagree.
struct file_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

/// fail_file(path, "5 bytes follow the data, 0 expected") throws "distill: data/train.gz: 5 bytes follow …".
template <class... Parts>
[[noreturn]] void fail_file(const std::filesystem::path& path, const Parts&... parts) {
  std::string message = "distill: " + path.string() + ": ";
  ((message += text(parts)), ...);
  throw file_error(message);
}

}  // namespace detail

DISTILL_NAMESPACE_END
