// What the tests of files share.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace io_tests {

/// A file in a directory of its own, removed at the end.
class scratch {
 public:
  scratch() { std::filesystem::create_directories(directory_); }
  ~scratch() { std::filesystem::remove_all(directory_); }
  std::filesystem::path path() const { return directory_ / "file"; }
  std::filesystem::path holding(const std::string& content) const {
    std::ofstream(path(), std::ios::binary) << content;
    return path();
  }
  std::string content() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// There is no other file beside it.
  bool alone() const {
    return std::distance(std::filesystem::directory_iterator(directory_), std::filesystem::directory_iterator()) == 1;
  }

 private:
  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("distill-test-" + std::to_string(std::random_device{}()));
};

}  // namespace io_tests
