// What the randomness of one row depends on.
#pragma once

#include <cstdint>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../core/random.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

/// Row `sample` of the data set in pass `epoch`. What is drawn for it depends on nothing else: not on its batch, the
/// order of rows, threads, or where a run was resumed.
struct sample_key {
  std::uint64_t seed = 0;
  index epoch = 0;
  index sample = 0;

  /// Random numbers for one use; those of different uses are unrelated. The library's own uses are below 16.
  random_stream stream(std::uint64_t use) const {
    return random_stream(random_stream(seed, use).bits(static_cast<std::uint64_t>(epoch)),
                         static_cast<std::uint64_t>(sample));
  }
};

}  // namespace data
DISTILL_NAMESPACE_END
