// Every method on the same footing: what came of it, kept in a file so that an interrupted comparison goes on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "../tasks/outcome.hpp"
#include "classroom.hpp"
#include "methods.hpp"

namespace example {

struct comparison_settings {
  classroom_settings room;
  int students = 5;
  std::filesystem::path output = "out";
};

/// Trains what is not in <output>/comparison.json yet, prints one table of the classifiers' methods and one of each
/// task, and draws <output>/methods.png. Throws a sentence if the file is of another setting.
void compare(const comparison_settings& settings, const std::vector<const known_method*>& methods,
             const std::vector<const known_task*>& tasks);

}  // namespace example
