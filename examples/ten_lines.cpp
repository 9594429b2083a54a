#include <cstdio>
#include <distill/distill.hpp>
#include <Eigen/Core>
#include <vector>

int main() {
  using Logits = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Logits student = Logits::Random(8, 10), teacher = Logits::Random(8, 10);
  const std::vector<int> labels{3, 1, 4, 1, 5, 9, 2, 6};
  Logits gradient(8, 10);
  const auto loss = 0.9 * distill::kl{.temperature = 4} + 0.1 * distill::cross_entropy{};
  const distill::batch<float> batch{.student = student, .teacher = teacher, .labels = labels};
  const auto result = distill::value_and_gradient(loss, batch, {.student = gradient});
  std::printf("loss %.6f: kl %.6f, cross-entropy %.6f\n", result.value, result.terms[0], result.terms[1]);
}
