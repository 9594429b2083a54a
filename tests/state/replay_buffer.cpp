// The sequences that a student wrote: what stays, what is drawn, files.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <distill/state/memory_queue.hpp>
#include <distill/state/replay_buffer.hpp>

#include "harness/message.hpp"

namespace state_tests {

using distill::index;
using distill::random_stream;
using distill::replay_buffer;
using harness::message_of;

/// {n, n, …}: n times, the first of them given.
replay_buffer::sequence numbered(int n) {
  return {.tokens = std::vector<std::int32_t>(static_cast<std::size_t>(n), n), .prompt = std::min(n, 1)};
}
replay_buffer filled(index capacity, int first, int last) {
  replay_buffer result(capacity);
  for (int n = first; n <= last; ++n) result.push(numbered(n));
  return result;
}
std::string saved(const replay_buffer& buffer) {
  std::stringstream file;
  buffer.save(file);
  return file.str();
}

TEST_CASE("replay_buffer: fills, then the oldest make room") {
  CHECK(replay_buffer().capacity() == 1000);
  replay_buffer buffer(3);
  CHECK(buffer.size() == 0);
  for (int n = 0; n < 8; ++n) {
    CHECK(buffer.full() == (n >= 3));
    buffer.push(numbered(n));
    CHECK(buffer.size() == std::min(n + 1, 3));
    for (index age = 0; age < buffer.size(); ++age)
      CHECK(buffer[age] == numbered(n + 1 - static_cast<int>(buffer.size() - age)));
  }
  CHECK(buffer == filled(3, 5, 7));
  const replay_buffer snapshot = buffer;
  buffer.clear();
  CHECK(buffer.size() == 0);
  CHECK(snapshot.size() == 3);
  replay_buffer one(1);
  one.push(numbered(1)), one.push(numbered(2));
  CHECK(one[0] == numbered(2));
}

TEST_CASE("replay_buffer: draws without replacement, by the stream alone") {
  const replay_buffer buffer = filled(8, 1, 11);
  const auto at = [&](index count, std::uint64_t step) { return buffer.sample(count, random_stream(5, step)); };
  CHECK(at(0, 1).empty());
  for (std::uint64_t step = 0; step < 50; ++step) {
    const std::vector<index> all = at(8, step), few = at(3, step);
    CHECK(std::set<index>(all.begin(), all.end()).size() == 8);
    CHECK(*std::max_element(all.begin(), all.end()) == 7);
    CHECK(*std::min_element(all.begin(), all.end()) == 0);
    CHECK(few == at(3, step));
    CHECK(std::equal(few.begin(), few.end(), all.begin()));
  }
  CHECK(at(8, 1) != at(8, 2));
  // Every pair in every order as often as any other: 56 of them, 56 000 draws; 3 standard deviations are 94.
  std::vector<int> seen(64);
  for (std::uint64_t step = 0; step < 56000; ++step) {
    const std::vector<index> pair = at(2, step);
    ++seen[static_cast<std::size_t>(8 * pair[0] + pair[1])];
  }
  for (std::size_t a = 0; a < 8; ++a)
    for (std::size_t b = 0; b < 8; ++b) {
      if (a == b) CHECK(seen[8 * a + b] == 0);
      if (a != b) CHECK(std::abs(seen[8 * a + b] - 1000) < 130);
    }
}

TEST_CASE("replay_buffer: nonsense") {
  replay_buffer buffer = filled(4, 1, 3);
  CHECK(message_of([&] { buffer.sample(4, random_stream(1)); }) ==
        "distill: replay_buffer: 4 sequences asked for, 3 are there");
  CHECK(message_of([&] { buffer.sample(-1, random_stream(1)); }) ==
        "distill: replay_buffer: -1 sequences asked for, 3 are there");
  CHECK(message_of([&] { buffer[3]; }) == "distill: replay_buffer: sequence 3 asked for, 3 are there");
  CHECK(message_of([&] { buffer[-1]; }) == "distill: replay_buffer: sequence -1 asked for, 3 are there");
  CHECK(message_of([&] {
          buffer.push({.tokens = {1, 2}, .prompt = 3});
        }) == "distill: replay_buffer: prompt is 3 tokens, must lie in [0, 2], the sequence's length");
  CHECK(message_of([&] {
          buffer.push({.tokens = {1, 2}, .prompt = -1});
        }) == "distill: replay_buffer: prompt is -1 tokens, must lie in [0, 2], the sequence's length");
  CHECK(buffer == filled(4, 1, 3));
  CHECK(message_of([] { replay_buffer(0); }) == "distill: replay_buffer: capacity is 0, must be at least 1");
}

/// What loading says; the buffer must stay what it was.
std::string file_error_of(replay_buffer& buffer, const std::string& bytes) {
  const replay_buffer before = buffer;
  std::stringstream file(bytes);
  try {
    buffer.load(file);
  } catch (const distill::file_error& error) {
    CHECK(buffer == before);
    return error.what();
  }
  return "no error";
}

TEST_CASE("replay_buffer: restored as it was, and read with suspicion") {
  const replay_buffer buffer = filled(4, 0, 5);
  const std::string bytes = saved(buffer);
  std::stringstream file(bytes + "next");
  replay_buffer back = filled(9, 3, 4);
  back.load(file);
  CHECK(back == buffer);
  CHECK(saved(back) == bytes);
  CHECK(back.sample(3, random_stream(1)) == buffer.sample(3, random_stream(1)));
  std::string rest;
  file >> rest;
  CHECK(rest == "next");
  replay_buffer other = filled(9, 3, 4);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    REQUIRE(file_error_of(other, bytes.substr(0, size)).starts_with("distill: replay_buffer: truncated"));
  // 40 bytes of head; capacity, size, length and prompt of the first sequence.
  const auto with = [&](std::size_t number, char c, std::size_t byte = 0) {
    std::string changed = bytes;
    changed[40 + 8 * number + byte] = c;
    return file_error_of(other, changed);
  };
  CHECK(with(0, 0) == "distill: replay_buffer: capacity is 0, must lie in [1, 1099511627776]");
  CHECK(with(1, 5) == "distill: replay_buffer: size is 5, must lie in [0, 4]");
  CHECK(with(2, char(0x80), 7).find("length is -") != std::string::npos);
  CHECK(with(3, 3) == "distill: replay_buffer: prompt is 3, must lie in [0, 2]");
  CHECK(with(2, 1, 4).starts_with("distill: replay_buffer: truncated"));  // 2³² tokens that are not there
  std::stringstream stranger;
  distill::memory_queue<float>(2, 2).save(stranger);
  CHECK(file_error_of(other, stranger.str()) ==
        "distill: replay_buffer: the saved state is a memory_queue, a replay_buffer expected");
  std::ofstream nowhere("/nonexistent/state");
  CHECK_THROWS_AS(buffer.save(nowhere), distill::file_error);
}

}  // namespace state_tests
