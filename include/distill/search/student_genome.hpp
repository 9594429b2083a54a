// A student that could be built.
#pragma once

#include <vector>

#include "../config.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

enum class student_family { dense, convolutional };
enum class student_activation { relu, gelu, silu, tanh };

/// One place of a student_space. `levels` has an entry a hidden layer: which of the space's widths it has.
struct student_genome {
  student_family family = student_family::dense;
  student_activation activation = student_activation::relu;
  std::vector<index> levels{0};

  bool operator==(const student_genome&) const = default;
};

DISTILL_NAMESPACE_END
