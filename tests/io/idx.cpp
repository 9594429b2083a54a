#include <doctest/doctest.h>
#include <zlib.h>
#include <distill/io/idx.hpp>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

namespace {

using distill::file_error;
using distill::read_idx;
using bytes = std::vector<std::uint8_t>;
namespace fs = std::filesystem;

/// A directory of its own per test case, removed at the end.
struct scratch {
  fs::path directory = fs::temp_directory_path() / ("distill-idx-" + std::to_string(std::random_device{}()));
  scratch() { fs::create_directories(directory); }
  ~scratch() { fs::remove_all(directory); }

  std::string plain(const bytes& content) const {
    const fs::path path = directory / "file.idx";
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
    return path.string();
  }
  std::string gzip(const bytes& content) const {
    const fs::path path = directory / "file.idx.gz";
    const gzFile file = gzopen(path.string().c_str(), "wb");
    if (!content.empty()) REQUIRE(gzwrite(file, content.data(), static_cast<unsigned>(content.size())) > 0);
    REQUIRE(gzclose(file) == Z_OK);
    return path.string();
  }
  bytes packed(const bytes& content) const {
    std::ifstream in(gzip(content), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

bytes idx(std::uint8_t type, std::initializer_list<std::uint32_t> extents, std::size_t data) {
  bytes out{0, 0, type, static_cast<std::uint8_t>(extents.size())};
  for (const std::uint32_t extent : extents)
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(extent >> shift));
  for (std::size_t i = 0; i < data; ++i) out.push_back(static_cast<std::uint8_t>(i * 7 + 3));
  return out;
}

bytes start(bytes content, std::size_t size) {
  content.resize(size);
  return content;
}

void check_message(const std::string& path, const std::string& message, std::optional<int> rank = {}) {
  CHECK_THROWS_WITH_AS(read_idx(path, rank), ("distill: " + path + ": " + message).c_str(), file_error);
}

}  // namespace

TEST_CASE("idx: what was written comes back, plain and gzip'd, rank 1 to 4") {
  const scratch tmp;
  const std::vector<std::pair<bytes, std::vector<distill::index>>> cases{
      {idx(8, {5}, 5), {5}},
      {idx(8, {3, 4}, 12), {3, 4}},
      {idx(8, {2, 3, 4}, 24), {2, 3, 4}},
      {idx(8, {2, 1, 3, 2}, 12), {2, 1, 3, 2}},
      {idx(8, {300, 30, 30}, 270000), {300, 30, 30}},  // several blocks
      {idx(8, {0}, 0), {0}},
      {idx(8, {0, 0xffffffff, 0xffffffff, 0xffffffff}, 0), {0, 0xffffffff, 0xffffffff, 0xffffffff}},
      {idx(8, {0xffffffff, 0xffffffff, 0}, 0), {0xffffffff, 0xffffffff, 0}},
  };
  for (const auto& [content, extents] : cases)
    for (const std::string& path : {tmp.plain(content), tmp.gzip(content)}) {
      CAPTURE(path);
      const distill::idx_file file = read_idx(path, static_cast<int>(extents.size()));
      CHECK(file.extents == extents);
      CHECK(file.bytes == bytes(content.begin() + 4 + 4 * static_cast<std::ptrdiff_t>(extents.size()), content.end()));
      CHECK(read_idx(path).bytes == file.bytes);
    }
}

TEST_CASE("idx: files that are not there or cannot be read") {
  const scratch tmp;
  check_message((tmp.directory / "absent.gz").string(), "cannot open: No such file or directory");
  check_message(tmp.directory.string(), "cannot read: Is a directory");
}

TEST_CASE("idx: malformed content has the same message plain and gzip'd") {
  const scratch tmp;
  const auto both = [&](const bytes& content, const std::string& message, std::optional<int> rank = {}) {
    CAPTURE(message);
    check_message(tmp.plain(content), message, rank);
    check_message(tmp.gzip(content), message, rank);
  };
  const bytes good = idx(8, {2, 3}, 6);

  both({}, "truncated header: 0 bytes, 4 expected");
  both(start(good, 3), "truncated header: 3 bytes, 4 expected");
  both(start(good, 4), "truncated header: 4 bytes, 8 expected");
  both(start(good, 11), "truncated header: 11 bytes, 12 expected");
  both(start(good, 12), "truncated data: 0 bytes, extents 2 x 3 need 6");
  both(start(good, 17), "truncated data: 5 bytes, extents 2 x 3 need 6");
  both(idx(8, {2, 3}, 7), "more data than the 6 bytes of extents 2 x 3");
  both(idx(8, {0}, 1), "more data than the 0 bytes of extents 0");

  both({0x89, 'P', 'N', 'G'}, "not an IDX file: it starts with 0x89 0x50, expected 0x00 0x00");
  both({0, 1, 8, 1, 0, 0, 0, 0}, "not an IDX file: it starts with 0x00 0x01, expected 0x00 0x00");
  const std::string supported = ", supported is unsigned byte (0x08)";
  both(idx(0x09, {1}, 1), "element type is signed byte (0x09)" + supported);
  both(idx(0x0b, {1}, 2), "element type is 16-bit integer (0x0b)" + supported);
  both(idx(0x0c, {1}, 4), "element type is 32-bit integer (0x0c)" + supported);
  both(idx(0x0d, {1}, 4), "element type is 32-bit float (0x0d)" + supported);
  both(idx(0x0e, {1}, 8), "element type is 64-bit float (0x0e)" + supported);
  both(idx(0x0a, {1}, 1), "element type is unknown (0x0a)" + supported);
  both(idx(0xff, {1}, 1), "element type is unknown (0xff)" + supported);

  both({0, 0, 8, 0}, "rank is 0, supported are 1 to 4");
  both(idx(8, {1, 1, 1, 1, 1}, 1), "rank is 5, supported are 1 to 4");
  both({0, 0, 8, 255}, "rank is 255, supported are 1 to 4");
  both(good, "rank is 2, expected 3", 3);
}

TEST_CASE("idx: a header's claim costs no memory") {
  const scratch tmp;
  const std::string limit = " claim too much data, at most 4294967296 bytes are supported";
  check_message(tmp.plain(idx(8, {1u << 20, 1u << 20}, 8)), "extents 1048576 x 1048576" + limit);
  check_message(tmp.plain(idx(8, {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0)),
                "extents 4294967295 x 4294967295 x 4294967295 x 4294967295" + limit);
  check_message(tmp.plain(idx(8, {1u << 16, 1u << 16, 2}, 8)), "extents 65536 x 65536 x 2" + limit);
  // Exactly at the limit: refused for what is missing, after one block.
  check_message(tmp.plain(idx(8, {1u << 16, 1u << 16}, 8)),
                "truncated data: 8 bytes, extents 65536 x 65536 need 4294967296");

  distill::detail::gzip_reader reader(tmp.plain(bytes(20)));
  const bytes all = reader.read_up_to(std::size_t{1} << 40);
  CHECK(all.size() == 20);
  CHECK(all.capacity() <= std::size_t{1} << 16);
}

TEST_CASE("idx: damaged gzip streams") {
  const scratch tmp;
  const bytes packed = tmp.packed(idx(8, {100, 100}, 10000));
  const std::string truncated = "truncated gzip stream: unexpected end of file";
  check_message(tmp.plain({0x1f, 0x8b}), truncated);
  check_message(tmp.plain(start(packed, 7)), truncated);
  check_message(tmp.plain(start(packed, packed.size() / 2)), truncated);
  check_message(tmp.plain(start(packed, packed.size() - 8)), truncated);  // all data, but neither checksum nor length
  check_message(tmp.plain(start(packed, packed.size() - 1)), truncated);

  bytes wrong = packed;
  wrong[wrong.size() - 8] ^= 1;
  check_message(tmp.plain(wrong), "cannot read: incorrect data check");
  wrong = packed;
  wrong[wrong.size() - 1] ^= 1;
  check_message(tmp.plain(wrong), "cannot read: incorrect length check");
  wrong = packed;
  wrong[2] = 7;
  check_message(tmp.plain(wrong), "cannot read: unknown compression method");
  wrong = start(packed, 10);
  wrong.resize(200, 0xff);
  check_message(tmp.plain(wrong), "cannot read: invalid block type");
}

TEST_CASE("idx: every flipped byte of a gzip'd file is refused or harmless, never a crash") {
  const scratch tmp;
  const bytes content = idx(8, {4, 5}, 20);
  const bytes packed = tmp.packed(content);
  const bytes data(content.begin() + 12, content.end());
  for (std::size_t i = 0; i < packed.size(); ++i)
    for (const int flip : {0x01, 0x80, 0xff}) {
      bytes wrong = packed;
      wrong[i] = static_cast<std::uint8_t>(wrong[i] ^ flip);
      bytes got = data;
      try {
        got = read_idx(tmp.plain(wrong)).bytes;
      } catch (const file_error&) {
      }
      CHECK(got == data);
    }
}

TEST_CASE("idx: Fashion-MNIST as Debian packages it") {
  const fs::path root = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(root / "t10k-images-idx3-ubyte.gz")) {
    MESSAGE("package dataset-fashion-mnist is not installed");
    return;
  }
  const distill::idx_file images = read_idx(root / "t10k-images-idx3-ubyte.gz", 3);
  const distill::idx_file labels = read_idx(root / "t10k-labels-idx1-ubyte.gz", 1);
  CHECK(images.extents == std::vector<distill::index>{10000, 28, 28});
  CHECK(labels.extents == std::vector<distill::index>{10000});
  std::vector<int> count(10);
  for (const std::uint8_t label : labels.bytes) ++count.at(label);
  CHECK(count == std::vector<int>(10, 1000));
}
