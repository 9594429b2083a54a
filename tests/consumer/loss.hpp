#pragma once
#include <vector>

struct answer {
  double value;
  std::vector<float> gradient;
};
answer plain(const std::vector<float>& student, const std::vector<float>& teacher);  // main.cpp, the compiler's default
answer native(const std::vector<float>& student, const std::vector<float>& teacher);  // other.cpp, -march=native
