// How the states of contrastive objectives lie in a file.
//
//   8 bytes   "distill" and 0x1a
//   24 bytes  the state's name, filled up with zeros
//   4 bytes   version of the format, 1
//   4 bytes   bytes of a number: 4 (float) or 8 (double)
// then the state's own integers and doubles (8 bytes each) and arrays of numbers, as its class says. Little-endian.
// Nothing marks the end: several states may follow each other in one stream.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../../core/matrix_view.hpp"
#include "../../io/file_error.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

static_assert(std::endian::native == std::endian::little, "states are written as they lie in memory: little-endian");

inline constexpr std::string_view state_magic{"distill\x1a", 8};
inline constexpr std::size_t state_name_size = 24;
inline constexpr std::uint32_t state_version = 1;
inline constexpr index largest_extent = index{1} << 40;

class state_writer {
 public:
  state_writer(std::ostream& out, std::string_view name, std::size_t number_size) : out_(out), name_(name) {
    char field[state_name_size] = {};
    std::copy(name.begin(), name.end(), field);
    raw(state_magic.data(), state_magic.size());
    raw(field, sizeof field);
    value(state_version);
    value(static_cast<std::uint32_t>(number_size));
  }
  void integer(index x) { value(static_cast<std::int64_t>(x)); }
  void real(double x) { value(x); }
  template <class Number>
  void numbers(const std::vector<Number>& list) {
    raw(list.data(), list.size() * sizeof(Number));
  }
  /// To be called last.
  void finish() {
    if (!out_.flush()) fail_file(name_, "cannot write");
  }

 private:
  template <class Value>
  void value(const Value& x) {
    raw(&x, sizeof x);
  }
  void raw(const void* bytes, std::size_t size) {
    out_.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  }
  std::ostream& out_;
  std::string_view name_;
};

/// @throws file_error  in every function: what is there is not what the state asks for
class state_reader {
 public:
  state_reader(std::istream& in, std::string_view name, std::size_t number_size) : in_(in), name_(name) {
    char magic[state_magic.size()], field[state_name_size];
    raw(magic, sizeof magic);
    if (std::string_view(magic, sizeof magic) != state_magic) fail_file(name_, "not a saved state of distill");
    raw(field, sizeof field);
    const std::string_view stored(field,
                                  static_cast<std::size_t>(std::find(field, field + sizeof field, '\0') - field));
    if (stored != name) {
      std::string shown(stored);
      std::replace_if(
          shown.begin(), shown.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
      fail_file(name_, "the saved state is a ", shown, ", a ", name_, " expected");
    }
    if (const auto version = value<std::uint32_t>(); version != state_version)
      fail_file(name_, "version is ", version, ", supported is ", state_version);
    if (const auto size = value<std::uint32_t>(); size != number_size)
      fail_file(name_, "numbers of ", size, " bytes, of ", number_size, " expected");
  }
  index integer(const char* what, index lowest, index highest) {
    const auto x = static_cast<index>(value<std::int64_t>());
    if (x < lowest || x > highest) fail_file(name_, what, " is ", x, ", must lie in [", lowest, ", ", highest, "]");
    return x;
  }
  double real() { return value<double>(); }
  double share(const char* what) {
    const double x = real();
    if (!(x >= 0 && x <= 1)) fail_file(name_, what, " is ", x, ", must lie in [0, 1]");
    return x;
  }
  /// rows · columns numbers. Memory follows what is really there, not what the extents claim.
  template <class Number>
  std::vector<Number> numbers(index rows, index columns) {
    if (columns > 0 && rows > largest_extent / columns)
      fail_file(name_, "extents of ", rows, " x ", columns, " are more than ", largest_extent, " numbers");
    const auto size = static_cast<std::size_t>(rows * columns);
    std::vector<Number> list;
    while (list.size() < size) {
      const std::size_t have = list.size(), step = std::min(size - have, std::max(have, std::size_t{1} << 16));
      list.resize(have + step);
      raw(list.data() + have, step * sizeof(Number));
    }
    return list;
  }

 private:
  template <class Value>
  Value value() {
    Value x;
    raw(&x, sizeof x);
    return x;
  }
  void raw(void* bytes, std::size_t size) {
    in_.read(static_cast<char*>(bytes), static_cast<std::streamsize>(size));
    if (static_cast<std::size_t>(in_.gcount()) != size)
      fail_file(name_, "truncated: ", static_cast<index>(in_.gcount()), " bytes, ", size, " expected");
  }
  std::istream& in_;
  std::string_view name_;
};

}  // namespace detail
DISTILL_NAMESPACE_END
