// Every file of the corpus once more: what the fuzzer found, and what somebody thought of, stays found.
#include "targets.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace fuzz {

const std::filesystem::path corpus = DISTILL_FUZZ_CORPUS;

TEST_CASE("fuzz: the corpus, reader by reader") {
  std::map<std::string, std::set<std::string>> sound;
  for (const target& t : targets) {
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(corpus / t.name)) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string content(std::istreambuf_iterator<char>(in), {});
      CAPTURE(entry.path());
      if (t.run({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()}))
        sound[t.name].insert(entry.path().filename());
      ++files;
    }
    CHECK(files >= 19);
  }
  // Names of words were thought of: these and no others are sound.
  const auto check = [&](const char* reader, const std::set<std::string>& expected) {
    for (const auto& entry : std::filesystem::directory_iterator(corpus / reader)) {
      const std::string name = entry.path().filename();
      if (name.size() == 40) continue;  // the fuzzer's
      CAPTURE(reader);
      CAPTURE(name);
      CHECK(sound[reader].contains(name) == expected.contains(name));
    }
  };
  check("safetensors", {"good", "no_tensors", "scalar", "zero_extent", "small_floats", "spaces_after"});
  check("checkpoint", {"run"});
  check("npy",
        {"version_1", "version_2", "version_3", "type_f2", "type_f8", "type_i4", "type_i8", "scalar", "zero_and_huge"});
  check("idx", {"labels", "images", "empty_axis", "labels_gz", "images_gz", "empty_axis_gz", "bomb_gz"});
  check("csv", {"table", "no_header", "windows", "semicolons", "tabs", "blanks", "quoted", "byte_order_mark",
                "byte_order_mark_later", "missing", "empty", "empty_lines"});
}

}  // namespace fuzz
