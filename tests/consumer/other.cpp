#include "body.hpp"

answer native(const std::vector<float>& student, const std::vector<float>& teacher) {
  return evaluate(student, teacher);
}
