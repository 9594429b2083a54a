// Sequences that a student wrote.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <istream>
#include <numeric>
#include <ostream>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/random.hpp"
#include "detail/state_file.hpp"

DISTILL_NAMESPACE_BEGIN

/// The last `capacity` sequences of tokens that were pushed, each with how many of its tokens were given to whoever
/// wrote it: those teach nothing. First in, first out.
///   replay_buffer written(1000);
///   written.push({.tokens = {…}, .prompt = 4});
///   for (const index age : written.sample(32, random_stream(seed, step))) … written[age] …
/// A value: a copy is a snapshot.
///
/// Source: Ko et al. 2024 (DistiLLM), arXiv 2402.03898, §3.2, as coded (buffer.py).
class replay_buffer {
 public:
  struct sequence {
    std::vector<std::int32_t> tokens;
    index prompt = 0;  ///< so many tokens were given
    bool operator==(const sequence&) const = default;
  };

  /// @throws argument_error  capacity < 1
  explicit replay_buffer(index capacity = 1000) : capacity_(capacity) {
    if (capacity < 1) fail("replay_buffer: capacity is ", capacity, ", must be at least 1");
  }

  index capacity() const { return capacity_; }
  index size() const { return static_cast<index>(kept_.size()); }
  bool full() const { return size() == capacity_; }
  /// The one that is `age` pushes younger than the oldest. @throws argument_error  there is none
  const sequence& operator[](index age) const {
    if (age < 0 || age >= size()) fail("replay_buffer: sequence ", age, " asked for, ", size(), " are there");
    return kept_[static_cast<std::size_t>(age)];
  }

  /// In the place of the oldest if the buffer is full. @throws argument_error  prompt negative or longer than the whole
  void push(sequence added) {
    if (const index length = std::ssize(added.tokens); added.prompt < 0 || added.prompt > length)
      fail("replay_buffer: prompt is ", added.prompt, " tokens, must lie in [0, ", length, "], the sequence's length");
    if (full()) kept_.pop_front();
    kept_.push_back(std::move(added));
  }
  void clear() { kept_.clear(); }

  /// Which `count` sequences to learn from, none twice, every choice and order equally likely; draws counters 0 …
  /// count − 1 of the stream. @throws argument_error  count negative, or more than there are
  std::vector<index> sample(index count, const random_stream& random) const {
    if (count < 0 || count > size()) fail("replay_buffer: ", count, " sequences asked for, ", size(), " are there");
    std::vector<index> ages(kept_.size());
    std::iota(ages.begin(), ages.end(), index{0});
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
      std::swap(ages[i], ages[i + static_cast<std::size_t>(random.below(ages.size() - i, i))]);
    ages.resize(static_cast<std::size_t>(count));
    return ages;
  }

  /// capacity, size, then the sequences, the oldest first: length, prompt, tokens.
  /// @throws file_error  the stream cannot be written
  void save(std::ostream& out) const {
    detail::state_writer file(out, "replay_buffer", sizeof(std::int32_t));
    file.integer(capacity_), file.integer(size());
    for (const sequence& s : kept_) {
      file.integer(std::ssize(s.tokens)), file.integer(s.prompt);
      file.numbers(s.tokens);
    }
    file.finish();
  }
  /// Becomes what was saved, whatever it was. @throws file_error  and stays what it was
  void load(std::istream& in) {
    detail::state_reader file(in, "replay_buffer", sizeof(std::int32_t));
    const index capacity = file.integer("capacity", 1, detail::largest_extent);
    const index size = file.integer("size", 0, capacity);
    std::deque<sequence> kept;
    for (index i = 0; i < size; ++i) {
      const index length = file.integer("length", 0, detail::largest_extent);
      const index prompt = file.integer("prompt", 0, length);
      kept.push_back({file.numbers<std::int32_t>(length, 1), prompt});
    }
    capacity_ = capacity, kept_ = std::move(kept);
  }

  bool operator==(const replay_buffer&) const = default;

 private:
  index capacity_;
  std::deque<sequence> kept_;
};

DISTILL_NAMESPACE_END
