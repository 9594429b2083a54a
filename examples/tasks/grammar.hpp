// A small writer learns a made-up language from a large one.
#pragma once

#include <vector>

#include "outcome.hpp"

namespace example {

/// Sentences of a generated grammar whose verbs agree with nouns many words before them. A large network has read
/// thousands of them, the student a hundred; it learns on alone, from the teacher's words on those hundred (forward
/// KL), or by DistiLLM, on what it writes itself, too. Measured: nats per token on sentences that nobody has read, and
/// how much of what it writes the grammar accepts. `epochs`: passes through the hundred. Always on one thread.
std::vector<outcome> grammar(const task_settings& settings);

}  // namespace example
