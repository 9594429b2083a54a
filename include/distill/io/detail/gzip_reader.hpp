// Bytes of a file in order, unpacked on the way if it is gzip'd. Needs zlib.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "../../config.hpp"
#include "../file_error.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

class gzip_reader {
 public:
  explicit gzip_reader(std::filesystem::path path) : path_(std::move(path)) {
    errno = 0;
    file_.reset(gzopen(path_.string().c_str(), "rb"));
    if (!file_) fail_file(path_, "cannot open: ", std::generic_category().message(errno != 0 ? errno : ENOMEM));
  }

  /// Reads `size` bytes into `to`; fewer only where the file ends. Damage of the gzip stream is a file_error.
  std::size_t read(std::uint8_t* to, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
      const std::size_t wanted = std::min(size - done, largest_call);
      const int got = gzread(file_.get(), to + done, static_cast<unsigned>(wanted));
      if (got > 0) done += static_cast<std::size_t>(got);
      if (got < static_cast<int>(wanted)) {
        // zlib reports a stream that stops early only through gzerror: gzread itself just returns fewer bytes.
        check();
        break;
      }
    }
    return done;
  }

  /// The next `size` bytes, or all that are left. Memory follows what was really read, at most twice as much, so a size
  /// that a damaged header claims costs nothing.
  std::vector<std::uint8_t> read_up_to(std::size_t size) {
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < size) {
      const std::size_t have = bytes.size();
      const std::size_t step = std::min(size - have, std::max(have, first_block));
      bytes.resize(have + step);
      const std::size_t got = read(bytes.data() + have, step);
      bytes.resize(have + got);
      if (got < step) break;
    }
    return bytes;
  }

 private:
  static constexpr std::size_t largest_call = std::size_t{1} << 26;
  static constexpr std::size_t first_block = std::size_t{1} << 16;

  void check() {
    int code = Z_OK;
    std::string what = gzerror(file_.get(), &code);
    if (code == Z_OK || code == Z_STREAM_END) return;
    // zlib puts the path in front, and so do we.
    if (const std::string prefix = path_.string() + ": "; what.starts_with(prefix)) what.erase(0, prefix.size());
    fail_file(path_, code == Z_BUF_ERROR ? "truncated gzip stream: " : "cannot read: ", what);
  }

  struct closer {
    void operator()(gzFile file) const { gzclose_r(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, closer> file_;
};

}  // namespace detail

DISTILL_NAMESPACE_END
