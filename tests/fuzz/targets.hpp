// What every reader is put through, by the fuzzer and by the regression test alike: arbitrary bytes are read, or
// refused with one line; what was read is what it says it is, and survives being written and read again.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <distill/io/csv.hpp>
#include <distill/io/idx.hpp>
#include <distill/io/npy.hpp>
#include <distill/io/safetensors.hpp>
#include <distill/nn/adam.hpp>
#include <distill/state/centre.hpp>
#include <distill/train/checkpoint.hpp>

namespace fuzz {

using distill::index;
using bytes = std::span<const std::uint8_t>;

/// A file in memory under a path of its own.
class memory_file {
 public:
  explicit memory_file(bytes content) : file_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (file_ < 0) std::abort();
    for (std::size_t done = 0; done < content.size();) {
      const ssize_t now = ::write(file_, content.data() + done, content.size() - done);
      if (now <= 0) std::abort();
      done += static_cast<std::size_t>(now);
    }
  }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  ~memory_file() { ::close(file_); }
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

/// Where files are written: in memory, too.
inline std::filesystem::path scratch() {
  static const std::filesystem::path folder = [] {
    const std::filesystem::path shared = "/dev/shm";
    return std::filesystem::is_directory(shared) ? shared : std::filesystem::temp_directory_path();
  }();
  return folder / ("distill-fuzz-" + std::to_string(::getpid()));
}

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// Runs `read`; a file_error must be one line of printable text. False if it was thrown.
template <class Read>
bool accepted(const Read& read) {
  try {
    read();
    return true;
  } catch (const distill::file_error& error) {
    for (const char* c = error.what(); *c != '\0'; ++c)
      require(static_cast<unsigned char>(*c) >= ' ' && *c != 127, "the message is one printable line");
    require(std::strlen(error.what()) < 5000, "the message is short");
    return false;
  }
}

inline bool same(bytes a, bytes b) { return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin()); }

inline index product(const std::vector<index>& extents) {
  index size = std::count(extents.begin(), extents.end(), 0) > 0 ? 0 : 1;
  for (const index extent : extents) size = size == 0 ? 0 : size * extent;
  return size;
}

inline bool safetensors(bytes content) {
  const memory_file file(content);
  return accepted([&] {
    const distill::safetensors_file read = distill::read_safetensors(file.path());
    std::size_t size = 0;
    for (const auto& t : read.tensors) {
      size += t.bytes.size();
      require(read.find(t.name) == &t, "a tensor is found by its name");
      std::vector<double> numbers(static_cast<std::size_t>(t.size()));
      try {
        t.copy_to(numbers.data());
      } catch (const distill::argument_error&) {
      }
    }
    require(size <= content.size(), "no more data than the file has");
    const std::filesystem::path again = scratch();
    distill::write_safetensors(again, read.tensors, read.metadata);
    const distill::safetensors_file copy = distill::read_safetensors(again);
    std::filesystem::remove(again);
    require(copy.metadata == read.metadata && copy.tensors.size() == read.tensors.size(), "as much is written as read");
    for (const auto& t : copy.tensors) {
      const auto* from = read.find(t.name);
      require(from && from->type == t.type && from->extents == t.extents && same(from->bytes, t.bytes),
              "a tensor is written as it was read");
    }
  });
}

inline bool npy(bytes content) {
  const memory_file file(content);
  return accepted([&] {
    const distill::npy_array read = distill::read_npy(file.path());
    require(read.bytes.size() <= content.size(), "no more data than the file has");
    require(read.size() == product(read.extents), "as many numbers as the shape says");
    const std::vector<double> numbers = read.values<double>();
    const std::filesystem::path again = scratch();
    distill::write_npy(again, numbers.data(), read.extents);
    const distill::npy_array copy = distill::read_npy(again);
    std::filesystem::remove(again);
    require(copy.extents == read.extents && copy.bytes.size() == numbers.size() * sizeof(double) &&
                (numbers.empty() || std::memcmp(copy.bytes.data(), numbers.data(), copy.bytes.size()) == 0),
            "an array is written as it was read");
  });
}

inline bool idx(bytes content) {
  const memory_file file(content);
  return accepted([&] {
    const distill::idx_file read = distill::read_idx(file.path());
    require(std::ssize(read.bytes) == product(read.extents), "as many bytes as the extents say");
  });
}

/// The first byte chooses the options.
inline bool csv(bytes content) {
  if (content.empty()) return false;
  distill::csv_options options{.separator = ",;\t "[content[0] & 3], .header = (content[0] & 4) != 0};
  if (content[0] & 8) options.missing = -1;
  const memory_file file(content.subspan(1));
  return accepted([&] {
    const distill::csv_table read = distill::read_csv(file.path(), options);
    require(std::ssize(read.values) == read.rows * read.columns, "as many numbers as rows and columns say");
    require(read.names.empty() || std::ssize(read.names) == read.columns, "as many names as columns");
    const std::filesystem::path again = scratch();
    distill::write_csv(again, read.matrix(), read.names, options.separator);
    const distill::csv_table copy =
        distill::read_csv(again, {.separator = options.separator, .header = !read.names.empty()});
    std::filesystem::remove(again);
    require(copy.names == read.names && copy.rows == read.rows, "a table is written as it was read");
    for (std::size_t i = 0; i < read.values.size(); ++i)
      require(copy.values[i] == read.values[i] || (std::isnan(copy.values[i]) && std::isnan(read.values[i])),
              "a number is written as it was read");
  });
}

/// A run that has something of everything, as checkpoint_seed() saved it and bytes were changed since.
struct run {
  distill::nn::parameter<float> weight{"weight", {2, 3}}, bias{"bias", {3}};
  std::vector<distill::nn::parameter<float>*> parameters{&weight, &bias};
  distill::nn::adam<float> optimiser;
  distill::nn::tape<float> tape;
  distill::centre<float> centre{3};
  index step = 5;
  double best = 0.5;
  bool done = true;
  distill::train::checkpoint<float> file;

  run() {
    file.add("model", parameters).add("optimiser", optimiser, parameters).add("tape", tape).add("centre", centre);
    file.add("step", step).add("best", best).add("done", done);
  }
};

inline bool checkpoint(bytes content) {
  const memory_file file(content);
  run into;
  return accepted([&] {
    into.file.load(file.path());
    const std::filesystem::path again = scratch();
    into.file.save(again);
    run copy;
    copy.file.load(again);
    std::filesystem::remove(again);
    require(copy.step == into.step && copy.done == into.done && copy.tape.noise() == into.tape.noise() &&
                std::memcmp(copy.weight.value().data, into.weight.value().data, 24) == 0 &&
                std::memcmp(&copy.best, &into.best, sizeof copy.best) == 0,
            "a run is saved as it was loaded");
  });
}

struct target {
  const char* name;
  bool (*run)(bytes);
};
inline constexpr target targets[] = {
    {"safetensors", safetensors}, {"npy", npy}, {"idx", idx}, {"csv", csv}, {"checkpoint", checkpoint}};

}  // namespace fuzz
