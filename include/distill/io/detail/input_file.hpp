// Files as they are read.
#pragma once

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "../../config.hpp"
#include "../file_error.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// @throws file_error  the file cannot be opened, and why
inline std::ifstream open_file(const std::filesystem::path& path) {
  errno = 0;  // a stream that fails may leave it alone
  std::ifstream file(path, std::ios::binary);
  if (!file) fail_file(path, "cannot open: ", std::generic_category().message(errno != 0 ? errno : ENOENT));
  return file;
}

}  // namespace detail
DISTILL_NAMESPACE_END
