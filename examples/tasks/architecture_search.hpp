// DisWOT: a student that is searched for.
#pragma once

#include <vector>

#include "outcome.hpp"

namespace example {

/// Students for Fashion-MNIST by family, depth and widths within a budget of multiply-adds, with any activation and
/// with relu alone. For each of the two spaces: Kendall's τ between the score of untrained students and their accuracy
/// after a short distillation, over sixteen random students; and the students that evolution finds by the score and by
/// the relation distance alone, beside the mean of the random ones, plain and distilled. The teacher knows the labels
/// of 20 000 images. A student has 1 000 labels; distilled, it also has the teacher's opinion of 6 000 images.
/// task_settings::epochs: its passes over those.
std::vector<outcome> architecture_search(const task_settings& settings);

}  // namespace example
