#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <distill/io/safetensors.hpp>

#include "harness/message.hpp"
#include "support.hpp"

namespace io_tests {

using distill::bfloat16;
using distill::half;
using distill::index;
using distill::read_safetensors;
using distill::safetensors_file;
using distill::safetensors_tensor;
using distill::safetensors_type;
using distill::write_safetensors;

/// A file of the given header and data, its length as it is or as told.
std::string file_of(const std::string& header, const std::string& data = {}, std::uint64_t length = ~std::uint64_t{0}) {
  if (length == ~std::uint64_t{0}) length = header.size();
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(length >> (8 * i) & 0xff);
  return file + header + data;
}

void refuses(const scratch& tmp, const std::string& content, const std::string& message) {
  CAPTURE(content);
  CHECK_THROWS_WITH_AS(read_safetensors(tmp.holding(content)),
                       ("distill: " + tmp.path().string() + ": " + message).c_str(), distill::file_error);
}

template <class Number>
void comes_back(const scratch& tmp, std::vector<Number> numbers, const char* type) {
  const safetensors_tensor out =
      safetensors_tensor::of("x", numbers.data(), {1, static_cast<index>(numbers.size()), 1});
  write_safetensors(tmp.path(), std::vector{out});
  const safetensors_file file = read_safetensors(tmp.path());
  REQUIRE(file.tensors.size() == 1);
  const safetensors_tensor& in = file.tensors[0];
  CHECK(in.type_name() == std::string(type));
  CHECK(in.extents == out.extents);
  REQUIRE(in.bytes.size() == out.bytes.size());
  CHECK(std::memcmp(in.bytes.data(), numbers.data(), in.bytes.size()) == 0);
  const std::vector<double> values = in.values<double>();
  const std::vector<float> floats = in.values<float>();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    double expected = 0;
    if constexpr (std::is_arithmetic_v<Number>)
      expected = static_cast<double>(numbers[i]);
    else
      expected = static_cast<double>(static_cast<float>(numbers[i]));
    CHECK(values[i] == expected);
    CHECK(floats[i] == static_cast<float>(expected));
  }
}

TEST_CASE("safetensors: every type of C++ comes back, bit for bit and as float and double") {
  const scratch tmp;
  comes_back<double>(tmp, {0.1, -1e300, std::numeric_limits<double>::infinity()}, "F64");
  comes_back<float>(tmp, {0.1f, -3e38f, 1e-45f}, "F32");
  comes_back<half>(tmp, {half(0.1f), half(-65504.0f), half::from_bits(1)}, "F16");
  comes_back<bfloat16>(tmp, {bfloat16(0.1f), bfloat16(3e38f)}, "BF16");
  comes_back<std::int64_t>(tmp, {std::numeric_limits<std::int64_t>::min(), 5}, "I64");
  comes_back<std::uint64_t>(tmp, {std::numeric_limits<std::uint64_t>::max(), 5}, "U64");
  comes_back<std::int32_t>(tmp, {-7, 8}, "I32");
  comes_back<std::uint32_t>(tmp, {4000000000u}, "U32");
  comes_back<std::int16_t>(tmp, {-7, 8}, "I16");
  comes_back<std::uint16_t>(tmp, {65535}, "U16");
  comes_back<std::int8_t>(tmp, {-7, 8}, "I8");
  comes_back<std::uint8_t>(tmp, {200, 8}, "U8");
  const bool flags[] = {true, false};
  write_safetensors(tmp.path(), std::vector{safetensors_tensor::of("b", flags, {2})});
  CHECK(read_safetensors(tmp.path()).find("b")->values<int>() == std::vector<int>{1, 0});
}

TEST_CASE("safetensors: several tensors, scalars, empty ones, odd names, metadata; the bytes the format prescribes") {
  const scratch tmp;
  const std::vector<float> weights{1, 2, 3, 4, 5, 6};
  const std::vector<std::uint8_t> mask{1, 0, 1};
  const double loss = 0.25;
  const std::string odd = "quote \" back \\ line \n ß";
  const std::vector<safetensors_tensor> out{
      safetensors_tensor::of("b.weight", weights.data(), {2, 3}), safetensors_tensor::of("a", weights.data(), {1}),
      safetensors_tensor::of("mask", mask.data(), {3}), safetensors_tensor::of("loss", &loss, {}),
      safetensors_tensor::of(odd, weights.data(), {0, 7})};
  write_safetensors(tmp.path(), out, {{"format", "pt"}, {odd, odd}});
  safetensors_file read = read_safetensors(tmp.path());
  const safetensors_file file = std::move(read);  // views stay valid
  CHECK(file.metadata.at("format") == "pt");
  CHECK(file.metadata.at(odd) == odd);
  CHECK(file.tensors.size() == 5);
  CHECK(file.find("b.weight")->values<float>() == weights);
  CHECK(file.find("b.weight")->text() == "F32 2×3");
  CHECK(file.find("loss")->values<double>() == std::vector<double>{0.25});
  CHECK(file.find("loss")->extents.empty());
  CHECK(file.find(odd)->size() == 0);
  CHECK(file.find("c") == nullptr);

  write_safetensors(tmp.path(), std::vector{out[2], out[1]});
  CHECK(tmp.content() == file_of("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                 "\"mask\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[4,7]}}   ",
                                 std::string("\0\0\x80\x3f\1\0\1", 7)));
  write_safetensors(tmp.path(), {});
  CHECK(read_safetensors(tmp.path()).tensors.empty());
  CHECK(read_safetensors(tmp.holding(file_of("{ }"))).metadata.empty());
}

TEST_CASE("safetensors: the file that the Python package wrote, with every element type it knows") {
  const safetensors_file file = read_safetensors(DISTILL_TEST_DATA "/every_type.safetensors");
  CHECK(file.metadata.at("written by") == "safetensors");
  CHECK(file.tensors.size() == 22);
  CHECK(file.find("F32")->extents == std::vector<index>{2, 3});
  // The i-th element is i, wherever that is a number; the packages's own bytes elsewhere.
  for (const char* name : {"F64", "F32", "F16", "BF16", "I64", "U64", "I32", "U32", "I16", "U16", "I8", "U8"}) {
    CAPTURE(name);
    CHECK(file.find(name)->type_name() == std::string(name));
    CHECK(file.find(name)->values<double>() == std::vector<double>{0, 1, 2, 3, 4, 5});
  }
  CHECK(file.find("BOOL")->values<int>() == std::vector<int>{0, 1, 0, 1, 0, 1});
  for (const char* name : {"F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}) {
    CHECK(file.find(name)->bytes.size() == 6);
    CHECK_FALSE(file.find(name)->is_number());
  }
  CHECK(file.find("F4")->size() == 12);
  CHECK(file.find("C64")->bytes.size() == 48);
  CHECK(file.find("a scalar")->values<int>() == std::vector<int>{42});
  CHECK(file.find("nothing")->extents == std::vector<index>{0, 4});

  // Written by us it is the same file, byte for byte.
  const scratch tmp;
  write_safetensors(tmp.path(), file.tensors, file.metadata);
  std::ifstream theirs(DISTILL_TEST_DATA "/every_type.safetensors", std::ios::binary);
  CHECK(tmp.content() == std::string(std::istreambuf_iterator<char>(theirs), {}));
}

TEST_CASE("safetensors: conversions that cannot be") {
  using harness::message_of;
  const std::vector<float> floats{1};
  const std::vector<std::int64_t> large{1, 300};
  const safetensors_tensor x = safetensors_tensor::of("x", floats.data(), {1}),
                           n = safetensors_tensor::of("n", large.data(), {2});
  CHECK(message_of([&] { x.values<int>(); }) == "distill: safetensors: x is F32 1, integers expected");
  CHECK(message_of([&] { n.values<std::int8_t>(); }) == "distill: safetensors: element 1 of n is 300, it does not fit");
  safetensors_tensor packed = x;
  packed.type = safetensors_type::f8_e4m3;
  CHECK(message_of([&] { packed.values<float>(); }) ==
        "distill: safetensors: x is F8_E4M3 1, which is only there as bytes");
  CHECK(message_of([&] {
          safetensors_tensor::of("y", floats.data(), {2, -1});
        }) == "distill: safetensors: an extent of y is -1, at least 0 expected");
}

TEST_CASE("safetensors: what cannot be written leaves the old file") {
  const scratch tmp;
  const std::vector<float> x{1, 2};
  const safetensors_tensor good = safetensors_tensor::of("x", x.data(), {2});
  write_safetensors(tmp.path(), std::vector{good});
  const std::string before = tmp.content(), path = "distill: " + tmp.path().string() + ": ";
  CHECK_THROWS_WITH_AS(write_safetensors(tmp.path(), std::vector{good, good}),
                       (path + "tensor 'x' comes twice").c_str(), distill::file_error);
  safetensors_tensor wrong = good;
  wrong.extents = {3};
  CHECK_THROWS_WITH_AS(write_safetensors(tmp.path(), std::vector{wrong}),
                       (path + "tensor 'x': offsets 0 to 8 are 8 bytes, its shape needs 96 bits").c_str(),
                       distill::file_error);
  wrong = safetensors_tensor::of("\xff", x.data(), {2});
  CHECK_THROWS_AS(write_safetensors(tmp.path(), std::vector{wrong}), distill::file_error);
  CHECK_THROWS_WITH_AS(
      write_safetensors(tmp.path().parent_path() / "no" / "file", std::vector{good}),
      ("distill: " + (tmp.path().parent_path() / "no" / "file").string() + ": cannot write: No such file or directory")
          .c_str(),
      distill::file_error);
  CHECK(tmp.content() == before);
  CHECK(tmp.alone());
}

TEST_CASE("safetensors: files that are not there, cut or absurd") {
  const scratch tmp;
  CHECK_THROWS_WITH_AS(read_safetensors("/no/such/file"),
                       "distill: /no/such/file: cannot open: No such file or directory", distill::file_error);
  CHECK_THROWS_AS(read_safetensors(tmp.path().parent_path()), distill::file_error);
  refuses(tmp, "", "not a safetensors file: 0 bytes, at least 8 expected");
  refuses(tmp, "1234567", "not a safetensors file: 7 bytes, at least 8 expected");
  refuses(tmp, file_of("{}", "", std::uint64_t{1} << 63),
          "not a safetensors file: header of 9223372036854775808 bytes, at most 100000000 are supported");
  refuses(tmp, file_of("{}", "", 100000001),
          "not a safetensors file: header of 100000001 bytes, at most 100000000 are supported");
  refuses(tmp, file_of("{}", "", 100000000), "truncated header: 2 bytes, 100000000 expected");
  refuses(tmp, file_of(""), "the header does not begin with '{'");
  refuses(tmp, file_of(" {}"), "the header does not begin with '{'");
  refuses(tmp, file_of("{}", "x"), "1 bytes of data, the tensors end at 0");
  refuses(tmp, file_of("{'a'}"), "malformed header: no JSON at byte 2, '{''");
  refuses(tmp, file_of("{}{}"), "malformed header: no JSON at byte 3, '{}{'");
}

TEST_CASE("safetensors: headers that are not of the format") {
  const scratch tmp;
  const auto with = [&](const std::string& header, const std::string& message, std::size_t data = 8) {
    refuses(tmp, file_of(header, std::string(data, '\0')), message);
  };
  const auto tensor = [](const std::string& shape, const std::string& offsets, const std::string& type = "\"F32\"") {
    return "{\"dtype\":" + type + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
  };
  const std::string good = tensor("[2]", "[0,8]");
  with("{\"a\":" + good + ",\"a\":" + good + "}", "tensor 'a' comes twice");
  with("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", "tensor 'a': dtype comes twice");
  with("{\"__metadata__\":{\"x\":\"1\",\"x\":\"2\"}}", "metadata 'x' comes twice");
  with("{\"__metadata__\":{},\"__metadata__\":{}}", "__metadata__ comes twice");
  with("{\"__metadata__\":{\"x\":1}}", "__metadata__: unexpected a number, it maps text to text");
  with("{\"__metadata__\":3}", "__metadata__: unexpected a number, it maps text to text");
  with("{\"a\":[1]}", "tensor 'a': unexpected a list");
  with("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "tensor 'a': dtype, shape and data_offsets expected");
  with("{\"a\":{\"stride\":[2]}}", "tensor 'a': unknown field 'stride'");
  with("{\"a\":{\"shape\":{\"b\":1}}}", "tensor 'a': unexpected an object");
  with("{\"a\":" + tensor("[2]", "[0,8]", "\"F128\"") + "}", "tensor 'a': unknown element type 'F128'");
  with("{\"a\":" + tensor("[2]", "[0,8]", "32") + "}", "tensor 'a': unexpected a number");
  with("{\"a\":" + tensor("[-2]", "[0,8]") + "}", "tensor 'a': unexpected a negative number");
  with("{\"a\":" + tensor("[2.5]", "[0,8]") + "}", "tensor 'a': unexpected the number 2.5");
  with("{\"a\":" + tensor("[[2]]", "[0,8]") + "}", "tensor 'a': unexpected a list");
  with("{\"a\":" + tensor("[null]", "[0,8]") + "}", "tensor 'a': unexpected null");
  with("{\"a\":" + tensor("[true]", "[0,8]") + "}", "tensor 'a': unexpected a boolean");
  with("{\"a\":" + tensor("[\"2\"]", "[0,8]") + "}", "tensor 'a': unexpected '2'");
  with("{\"a\":" + tensor("[2]", "[0]") + "}", "tensor 'a': two offsets expected");
  with("{\"a\":" + tensor("[2]", "[0,8,8]") + "}", "tensor 'a': more than two offsets");
  with("{\"a\":" + tensor("[9223372036854775808]", "[0,8]") + "}",
       "tensor 'a': extent 9223372036854775808 is too large");
  with("{\"a\":" + tensor("[4294967296,4294967296,2]", "[0,8]") + "}", "tensor 'a': the size of its shape overflows");
  with("{\"a\":" + tensor("[3]", "[0,8]") + "}", "tensor 'a': offsets 0 to 8 are 8 bytes, its shape needs 96 bits");
  with("{\"a\":" + tensor("[3]", "[0,2]", "\"F4\"") + "}",
       "tensor 'a': offsets 0 to 2 are 2 bytes, its shape needs 12 bits");
  with("{\"a\":" + tensor("[4]", "[0,16]") + "}", "tensor 'a': offsets 0 to 16 do not lie in the 8 bytes of data");
  with("{\"a\":" + tensor("[2]", "[8,0]") + "}", "tensor 'a': offsets 8 to 0 do not lie in the 8 bytes of data");
  with("{\"a\":" + good + ",\"b\":" + tensor("[1]", "[4,8]") + "}",
       "tensor 'b': begins at 4, overlapping the tensor before it, which ends at 8");
  with("{\"a\":" + good + ",\"b\":" + tensor("[1]", "[12,16]") + "}",
       "tensor 'b': begins at 12, leaving a hole to the tensor before it, which ends at 8", 16);
  with("{\"a\":" + good + "}", "9 bytes of data, the tensors end at 8", 9);
  with("{\"a\":" + std::string(100000, '[') + "}", "tensor 'a': unexpected a list");
  with("{\"\xff\":" + good + "}", "malformed header: no JSON at byte 3, '\"?'");
  with(std::string("{}\0 \"", 5), "malformed header: a zero byte", 0);
}

TEST_CASE("safetensors: every flipped byte is refused or harmless, never a crash") {
  const scratch tmp;
  const std::vector<float> x{1, 2, 3};
  write_safetensors(tmp.path(), std::vector{safetensors_tensor::of("x", x.data(), {3})}, {{"k", "v"}});
  const std::string file = tmp.content();
  for (std::size_t i = 0; i < file.size(); ++i)
    for (const int flip : {0x01, 0x10, 0x80, 0xff}) {
      std::string wrong = file;
      wrong[i] = static_cast<char>(wrong[i] ^ flip);
      try {
        const safetensors_file read = read_safetensors(tmp.holding(wrong));
        CHECK(read.tensors.size() == 1);
      } catch (const distill::file_error& error) {
        CHECK(std::string(error.what()).find('\n') == std::string::npos);
      }
    }
}

}  // namespace io_tests
