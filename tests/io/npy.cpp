#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <distill/core/random.hpp>
#include <distill/io/npy.hpp>

namespace {

using distill::file_error;
using distill::half;
using distill::read_npy;
using distill::write_npy;
namespace fs = std::filesystem;

/// A directory of its own per test case, removed at the end.
struct scratch {
  fs::path directory = fs::temp_directory_path() / ("distill-npy-" + std::to_string(std::random_device{}()));
  scratch() { fs::create_directories(directory); }
  ~scratch() { fs::remove_all(directory); }
  fs::path path() const { return directory / "array.npy"; }
  fs::path holding(const std::string& content) const {
    std::ofstream(path(), std::ios::binary) << content;
    return path();
  }
};

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A file of the given header text and data, its header as long as it says or as told.
std::string npy(const std::string& header, const std::string& data, int version = 1, std::size_t claimed = 0) {
  std::size_t length = claimed ? claimed : header.size();
  std::string file = "\x93NUMPY" + std::string{static_cast<char>(version), '\0'};
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i, length /= 256) file += static_cast<char>(length % 256);
  return file + header + data;
}

void check_message(const fs::path& path, const std::string& message) {
  CHECK_THROWS_WITH_AS(read_npy(path), ("distill: " + path.string() + ": " + message).c_str(), file_error);
}

const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }           \n", data(24, '\0');

}  // namespace

TEST_CASE_TEMPLATE("npy: what was written comes back", T, half, float, double, std::int32_t, std::int64_t) {
  const scratch tmp;
  for (const std::vector<distill::index>& extents :
       {std::vector<distill::index>{}, {5}, {0}, {3, 4}, {2, 0, 7}, {2, 3, 4, 5}, {200, 1000}}) {
    std::size_t size = 1;
    for (const distill::index e : extents) size *= static_cast<std::size_t>(e);
    std::vector<T> numbers;
    for (std::size_t i = 0; i < size; ++i) {
      const auto x = static_cast<float>(i % 2000) - 1000;
      if constexpr (std::is_arithmetic_v<T>)
        numbers.push_back(static_cast<T>(x));
      else
        numbers.push_back(T(x));
    }
    write_npy(tmp.path(), numbers.data(), extents);
    const distill::npy_array array = read_npy(tmp.path());
    CHECK(array.extents == extents);
    CHECK(array.size() == static_cast<distill::index>(size));
    CHECK(array.is_integer() == std::is_integral_v<T>);
    const std::vector<double> values = array.values<double>();
    REQUIRE(values.size() == size);
    int wrong = 0;
    for (std::size_t i = 0; i < size; ++i) wrong += values[i] != static_cast<double>(i % 2000) - 1000;
    CHECK(wrong == 0);
  }
}

TEST_CASE("npy: the bytes that NumPy writes") {
  const scratch tmp;
  const std::vector<float> numbers{1, -2.5f};
  write_npy(tmp.path(), numbers.data(), {2});
  const std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  CHECK(content_of(tmp.path()) == std::string("\x93NUMPY\x01\0v\0", 10) + text + std::string(60, ' ') + "\n" +
                                      std::string("\0\0\x80\x3f\0\0\x20\xc0", 8));
  const double one = 1;
  write_npy(tmp.path(), &one, {});
  CHECK(content_of(tmp.path()).find("'<f8', 'fortran_order': False, 'shape': (), }") == 15 + 5);
}

TEST_CASE("npy: versions 2 and 3, and headers that others may write") {
  const scratch tmp;
  for (const int version : {1, 2, 3}) CHECK(read_npy(tmp.holding(npy(good, data, version))).size() == 6);
  const char* const headers[] = {
      "{'shape':(2,3),'descr':'<f4','fortran_order':False}",
      "{ \"descr\" : \"<f4\" , \"fortran_order\" : False , \"shape\" : ( 2 , 3 , ) , }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (6), }",
      "{'descr':'<f4','fortran_order':True,'shape':(6,)}",
  };
  for (const char* const header : headers) CHECK(read_npy(tmp.holding(npy(header, data))).size() == 6);
}

TEST_CASE("npy: files that are not there or not arrays") {
  const scratch tmp;
  check_message(tmp.directory / "absent.npy", "cannot open: No such file or directory");
  const std::string no_array = "not an NPY file: it does not start with \\x93NUMPY and a version";
  check_message(tmp.directory, no_array);
  for (const std::string& content : {std::string(), std::string("\x93NUMPY"), std::string("PK\x03\x04 a zip file")})
    check_message(tmp.holding(content), no_array);
  check_message(tmp.holding(npy(good, data, 4)), "version is 4, supported are 1, 2 and 3");
  CHECK_THROWS_AS(write_npy(tmp.directory / "no" / "such.npy", std::vector<double>(1).data(), {}), file_error);
}

TEST_CASE("npy: headers that are cut, absurd or malformed") {
  const scratch tmp;
  check_message(tmp.holding(npy(good, "", 1, 200)), "truncated header: 71 bytes, 200 expected");
  check_message(tmp.holding(npy(good, data, 1).substr(0, 9)), "truncated header: 0 bytes, 71 expected");
  check_message(tmp.holding(npy(good, data, 2, 0xfffffff0)), "header of 4294967280 bytes, at most 65536 are supported");
  const auto malformed = [&](const std::string& header, const std::string& at) {
    CAPTURE(header);
    check_message(tmp.holding(npy(header, data)), "malformed header at '" + at + "'");
  };
  malformed("", "");
  malformed("[1, 2]", "[1, 2]");
  malformed("{'descr': '<f4'", "");
  malformed("{'descr': '<f4', 'fortran_order': False, }", "");
  malformed("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } x", "x");
  malformed("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", " '<f4', 'fortran_ord");
  malformed("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3)}", "");
  malformed("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}", "-2, 3)}");
  malformed("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", ",)}");
  malformed("{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}", ".5,)}");
  malformed("{'descr': '<f4', 'fortran_order': False, 'shape': 6}", "6}");
  malformed("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)", "");
  malformed("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}", "[('a', '<f4')], 'for");
  malformed("{'descr': '<f4, 'fortran_order': False, 'shape': (6,)}", "fortran_order': Fals");
  malformed("{'comment': 'x', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", " 'x', 'descr': '<f4'");
  malformed("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,6)}", ")}");
}

TEST_CASE("npy: arrays of other types and orders") {
  const scratch tmp;
  for (const std::string type : {">f4", "|u1", "<c8", "|V2", "<U5", "|O", "=f4"})
    check_message(tmp.holding(npy("{'descr': '" + type + "', 'fortran_order': False, 'shape': (2, 3)}", data)),
                  "element type is " + type + ", supported are <f2, <f4, <f8, <i4 and <i8");
  check_message(tmp.holding(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", data)),
                "fortran_order is True, only row-major arrays are supported");
}

TEST_CASE("npy: a shape's claim costs no memory, and is held to") {
  const scratch tmp;
  check_message(tmp.holding(npy(good, data.substr(1))), "truncated data: 23 bytes, the shape needs 24");
  check_message(tmp.holding(npy(good, "")), "truncated data: 0 bytes, the shape needs 24");
  check_message(tmp.holding(npy(good, data + "x")), "more data than the 24 bytes of its shape");
  const auto shaped = [](const std::string& shape) {
    return npy("{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + "}", data);
  };
  check_message(tmp.holding(shaped("(9223372036854775807, 9223372036854775807)")),
                "the shape claims more than 1099511627776 bytes");
  check_message(tmp.holding(shaped("(137438953472,)")), "truncated data: 24 bytes, the shape needs 1099511627776");
  check_message(tmp.holding(shaped("(0, 9223372036854775807)")), "more data than the 0 bytes of its shape");
}

TEST_CASE("npy: every flipped byte is refused or harmless, never a crash") {
  const scratch tmp;
  const std::string file = npy(good, data);
  for (std::size_t i = 0; i < file.size(); ++i)
    for (const int flip : {0x01, 0x10, 0x80, 0xff}) {
      std::string wrong = file;
      wrong[i] = static_cast<char>(wrong[i] ^ flip);
      std::size_t size = 24;
      try {
        size = read_npy(tmp.holding(wrong)).bytes.size();
      } catch (const file_error& error) {
        CHECK(std::string(error.what()).find('\n') == std::string::npos);
      }
      CHECK(size == 24);
    }
}
