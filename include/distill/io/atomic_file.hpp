// Files that are there as a whole or not at all. POSIX.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "../config.hpp"
#include "file_error.hpp"

DISTILL_NAMESPACE_BEGIN

/// Writes a file so that readers see the old content or the new, never a mixture, whatever happens on the way: kill -9,
/// a full disk, a power cut.
///
///     atomic_file file("model.safetensors");
///     file.write(bytes, size);
///     file.commit();
///
/// The bytes go to "model.safetensors.part" beside it. commit() waits until they are on the disk, gives the file its
/// name in one step (rename) and waits until the folder knows it. Without commit() the part is removed and the old file
/// stays; what a killed process leaves behind, the next writer overwrites. Two writers of one file do not mix: the
/// second gets an error. A link is followed, also to a file that is not there yet; permissions of a file that is
/// replaced are kept.
class atomic_file {
 public:
  /// @throws file_error  the folder does not take files, the path is no regular file, a link to itself, or being
  ///   written already
  explicit atomic_file(const std::filesystem::path& path) : path_(target_of(path)), part_(path_.string() + ".part") {
    struct stat old {};
    const bool replaces = ::stat(path_.c_str(), &old) == 0;
    if (replaces && !S_ISREG(old.st_mode)) detail::fail_file(path_, "cannot write: it is there and no regular file");
    // Between open() and flock() another writer may have renamed what we opened: then it is no longer a part.
    for (;;) {
      file_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
      if (file_ < 0) fail_with(errno);
      if (::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        ::close(file_);
        detail::fail_file(path_, "cannot write: it is being written already");
      }
      struct stat opened {
      }, named{};
      if (::fstat(file_, &opened) == 0 && ::stat(part_.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
          opened.st_dev == named.st_dev)
        break;
      ::close(file_);
    }
    // Somebody else's file system may not let us: the permissions of new files will do.
    if (replaces && ::fchmod(file_, old.st_mode & 0777) != 0) errno = 0;
    if (::ftruncate(file_, 0) != 0) abandon();
  }
  atomic_file(const atomic_file&) = delete;
  atomic_file& operator=(const atomic_file&) = delete;
  ~atomic_file() {
    if (file_ >= 0) discard();
  }

  /// Appends. @throws file_error
  void write(const void* bytes, std::size_t size) {
    if (file_ < 0) detail::fail_file(path_, "cannot write: it is committed");
    const char* from = static_cast<const char*>(bytes);
    while (size > 0) {
      const ssize_t done = ::write(file_, from, std::min(size, largest_call));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) abandon();
      from += done;
      size -= static_cast<std::size_t>(done);
    }
  }
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// The file is under its name from here on. @throws file_error  the old file is still there then
  void commit() {
    if (file_ < 0) detail::fail_file(path_, "cannot write: it is committed");
    if (::fsync(file_) != 0) abandon();
    if (::rename(part_.c_str(), path_.c_str()) != 0) abandon();
    ::close(std::exchange(file_, -1));
    const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
    // Not every file system synchronises folders; the file itself is safe, the name follows.
    if (const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); opened >= 0) {
      ::fsync(opened);
      ::close(opened);
    }
  }

 private:
  static constexpr std::size_t largest_call = std::size_t{1} << 30;
  static constexpr int most_links = 40;

  static std::filesystem::path target_of(const std::filesystem::path& path) {
    // By hand: what the link names need not be there yet.
    std::filesystem::path target = path;
    std::error_code none;
    for (int links = 0; std::filesystem::is_symlink(target, none); ++links) {
      if (links == most_links) detail::fail_file(path, "cannot write: ", std::generic_category().message(ELOOP));
      target = target.parent_path() / std::filesystem::read_symlink(target, none);
    }
    return target;
  }
  [[noreturn]] void fail_with(int code) const {
    detail::fail_file(path_, "cannot write: ", std::generic_category().message(code));
  }
  [[noreturn]] void abandon() {
    const int code = errno;
    discard();
    fail_with(code);
  }
  void discard() {
    ::unlink(part_.c_str());  // before the lock goes
    ::close(std::exchange(file_, -1));
  }

  std::filesystem::path path_, part_;
  int file_ = -1;
};

DISTILL_NAMESPACE_END
