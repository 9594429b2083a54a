// The library's side of the training steps of ./dev peers: the students of bench/students.hpp behind a C interface.
#include <cstdint>

#include "../students.hpp"

namespace {

struct lesson {
  bench::student student;
  distill::nn::tensor_view<const float> images;
  distill::index_view labels;

  lesson(const char* name, const float* x, const std::int64_t* y, std::int64_t batch, int threads)
      : student(name, threads), images{x, {batch, 1, 28, 28}}, labels(y, batch) {}
};

}  // namespace

extern "C" {

lesson* peers_lesson(const char* name, const float* images, const std::int64_t* labels, std::int64_t batch,
                     int threads) {
  return new lesson(name, images, labels, batch, threads);
}

void peers_end_lesson(const lesson* it) { delete it; }

/// The k-th parameter, to be set before the first step.
float* peers_parameter(const lesson* it, std::int64_t k, std::int64_t size) {
  const auto& all = it->student.parameters;
  if (k >= static_cast<std::int64_t>(all.size())) return nullptr;
  const auto& p = *all[static_cast<std::size_t>(k)];
  return p.size() == size ? p.value().data : nullptr;
}

/// The loss of the last of `steps` steps.
double peers_steps(lesson* it, std::int64_t steps) {
  double value = 0;
  for (std::int64_t i = 0; i < steps; ++i) value = it->student.step(it->images, it->labels);
  return value;
}
}
