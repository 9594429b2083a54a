// Mean and standard error over seeds.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace example {

struct estimate {
  double mean = 0, error = 0;  ///< standard error of the mean; 0 for a single value
  std::size_t count = 0;

  explicit estimate(const std::vector<double>& values) : count(values.size()) {
    for (const double v : values) mean += v / static_cast<double>(count);
    double squares = 0;
    for (const double v : values) squares += (v - mean) * (v - mean);
    if (count > 1) error = std::sqrt(squares / static_cast<double>(count - 1) / static_cast<double>(count));
  }
  std::string text(const char* format) const {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, format, mean);
    std::string result = buffer;
    if (count > 1) {
      std::snprintf(buffer, sizeof buffer, format, error);
      result += std::string(" ± ") + buffer;
    }
    return result;
  }
};

}  // namespace example
