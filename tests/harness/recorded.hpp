// What the scripts of tests/reference/recipes wrote, and the numbers that both sides begin with.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <distill/config.hpp>
#include <distill/core/matrix_view.hpp>

namespace harness {

/// In [-1, 1), nine bits after the point.
inline double number(distill::index i, distill::index seed) {
  return static_cast<double>((i * 7919 + seed * 104729) % 1021 - 510) / 512;
}

/// Lines "tag numbers" of tests/reference/recipes/<name>.txt.
inline std::map<std::string, std::vector<double>> recorded(const std::string& name) {
  std::map<std::string, std::vector<double>> result;
  std::ifstream file(DISTILL_TEST_DATA "/recipes/" + name + ".txt");
  for (std::string line, tag; std::getline(file, line);) {
    std::istringstream words(line);
    words >> tag;
    for (double value; words >> value;) result[tag].push_back(value);
  }
  REQUIRE_MESSAGE(!result.empty(), name, ".txt is missing or empty");
  return result;
}

}  // namespace harness
