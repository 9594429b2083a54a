// The published methods that a classifier learns by, by name.
#pragma once

#include <distill/recipe/info.hpp>
#include <optional>
#include <string>
#include <vector>

#include "classroom.hpp"

namespace example {

struct known_method {
  distill::recipe_info info;
  /// At another temperature than the published one, where the method has one.
  std::function<teaching(std::optional<double> temperature)> teaching_at;
  bool has_temperature = false;
};

const std::vector<known_method>& methods();

}  // namespace example
