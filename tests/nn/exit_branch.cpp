// From features in the middle of a network to logits, and the small parts that recipes stand on.
#include <array>

#include <distill/nn/computed_loss.hpp>
#include <distill/nn/gradient_check.hpp>
#include <distill/nn/model/convnet.hpp>
#include <distill/nn/model/exit_branch.hpp>
#include <distill/nn/model/mixer.hpp>
#include <distill/nn/network_shapes.hpp>
#include <distill/nn/parameter_list.hpp>

#include "support.hpp"

namespace nn_tests {
namespace {

nn::tensor_shape logits_of(const nn::tensor_shape& tap, const nn::exit_branch_options& options) {
  const nn::sequential<double> branch = nn::exit_branch<double>(tap, options);
  nn::tape<double> tape;
  const nn::tensor<double> x = random_tensor<double>(tap, 3);
  return tape.shape(branch.forward(tape, tape.constant(x.view())));
}
void check_gradients(const nn::tensor_shape& tap, const nn::exit_branch_options& options) {
  nn::sequential<double> branch = nn::exit_branch<double>(tap, options);
  const nn::tensor<double> x = random_tensor<double>(tap, 5);
  const nn::gradient_report report = nn::gradient_check(branch, x.view());
  CAPTURE(report.text());
  CHECK(report.worst < 1e-7);
}

TEST_CASE("exit_branch: logits from rows, maps and tokens") {
  const nn::tensor_shape logits{2, 3};
  CHECK(logits_of({2, 6}, {.outputs = 3, .behind = 2}) == logits);
  for (const index behind : {0, 1, 3}) {
    CHECK(logits_of({2, 4, 7, 5}, {.outputs = 3, .behind = behind, .width = 6}) == logits);
    CHECK(logits_of({2, 4, 1, 1}, {.outputs = 3, .behind = behind}) == logits);  // nothing to halve
    CHECK(logits_of({2, 9, 8}, {.outputs = 3, .behind = behind}) == logits);
  }
  CHECK(logits_of({2, 64, 8}, {.outputs = 3, .behind = 1, .width = 12, .grid = 2}) == logits);
}

TEST_CASE("exit_branch: what it is made of") {
  const auto names = [](const nn::tensor_shape& tap, const nn::exit_branch_options& options) {
    nn::sequential<float> branch = nn::exit_branch<float>(tap, options);
    std::string result;
    for (const nn::parameter<float>* p : branch.parameters())
      if (p->name.ends_with("weight")) result += p->name + " " + p->shape().text() + "; ";
    return result;
  };
  CHECK(names({1, 6}, {.outputs = 3}) == "linear.weight 6×3; ");
  CHECK(names({1, 4, 7, 7}, {.outputs = 3, .width = 5}) == "point.weight 5×4×1×1; linear.weight 5×3; ");
  CHECK(names({1, 4, 7, 7}, {.outputs = 3, .behind = 2, .width = 5}) ==
        "half1.depth1.weight 4×1×3×3; half1.point1.weight 4×4×1×1; half1.norm1.weight 4; half1.depth2.weight 4×1×3×3; "
        "half1.point2.weight 8×4×1×1; half1.norm2.weight 8; half2.depth1.weight 8×1×3×3; half2.point1.weight 8×8×1×1; "
        "half2.norm1.weight 8; half2.depth2.weight 8×1×3×3; half2.point2.weight 5×8×1×1; half2.norm2.weight 5; "
        "linear.weight 5×3; ");
  // 28 tokens a side become 14, then 7.
  CHECK(names({1, 784, 4}, {.outputs = 3, .width = 8}).find("merge2.merge.weight 8×8×2×2") != std::string::npos);
  CHECK(names({1, 784, 4}, {.outputs = 3, .width = 8}).find("merge3") == std::string::npos);
  CHECK(names({1, 100, 4}, {.outputs = 3, .width = 8}).find("merge1") == std::string::npos);
}

TEST_CASE("exit_branch: gradients") {
  check_gradients({3, 4}, {.outputs = 2});
  check_gradients({3, 3, 4, 5}, {.outputs = 2, .behind = 2, .width = 4, .seed = 1});
  check_gradients({3, 3, 4, 4}, {.outputs = 2, .width = 4});
  check_gradients({2, 16, 2}, {.outputs = 2, .width = 4, .heads = 2, .grid = 2});
}

TEST_CASE("exit_branch: what does not fit") {
  const auto says = [](const nn::tensor_shape& tap, const nn::exit_branch_options& options) {
    return message_of([&] { nn::exit_branch<float>(tap, options); });
  };
  CHECK(says({5}, {}) == "distill: exit_branch: tap is 5, batch×features, ×tokens or ×maps expected");
  CHECK(says({1, 5}, {.outputs = 0}) ==
        "distill: exit_branch: outputs 0, behind 0, width 0, grid 7; at least 1, 0, 0, 1 expected");
  CHECK(says({1, 5}, {.behind = -1}).find("behind -1") != std::string::npos);
  CHECK(says({1, 200, 8}, {}) == "distill: exit_branch: tap is 1×200×8, a square number of tokens expected");
  CHECK(says({1, 9, 6}, {.heads = 4}).find("multi_head_self_attention") != std::string::npos);
  const nn::sequential<float> branch = nn::exit_branch<float>({1, 4, 7, 7}, {.width = 5});
  const nn::tensor<float> x({1, 3, 7, 7});
  nn::tape<float> tape;
  CHECK(message_of([&] { branch.forward(tape, tape.constant(x.view())); }).find("input is 1×3×7×7") !=
        std::string::npos);
  CHECK(message_of([] { nn::patch_merging<float>(1, 4, 3, 3, 0); }) ==
        "distill: patch_merging: height × width is 1×4, at least 2×2 expected");
}

TEST_CASE("patch_merging: tokens that fill no square are left out") {
  const nn::patch_merging<double> merging(3, 5, 4, 6, 1);
  const nn::tensor<double> x = random_tensor<double>({2, 15, 4}, 3);
  nn::tape<double> tape;
  CHECK(tape.shape(merging.forward(tape, tape.constant(x.view()))) == nn::tensor_shape{2, 2, 6});
}

TEST_CASE("network_shapes: one run in use, nothing moves") {
  nn::network<float> network = nn::convnet<float>({.height = 12, .width = 10, .stages = {{4}, {6}}, .outputs = 3});
  const auto before = nn::flat_values(network.buffers());
  const nn::network_shapes shapes(network, {2, 1, 12, 10});
  CHECK(shapes.taps == std::vector<nn::tensor_shape>{{2, 4, 6, 5}, {2, 6, 3, 2}});
  CHECK(shapes.logits == nn::tensor_shape{2, 3});
  CHECK(nn::flat_values(network.buffers()) == before);
  const nn::network_shapes tokens(nn::mixer<float>({.blocks = 1}), {1, 1, 28, 28});
  CHECK(tokens.taps == std::vector<nn::tensor_shape>{{1, 16, 64}, {1, 16, 64}});
  CHECK(message_of([&] {
          nn::network_shapes(network, {2, 2, 12, 10});
        }).find("input is 2×2×12×10") != std::string::npos);
}

/// ½ Σ (a + b)², and where wanted its gradient a + b.
double square(const matrix_view<const double>& a, const matrix_view<const double>& b,
              const std::array<matrix_view<double>, 4>& to) {
  double sum = 0;
  for (index r = 0; r < a.rows; ++r)
    for (index c = 0; c < a.columns; ++c) {
      const double v = a(r, c) + b(r, c);
      sum += v * v / 2;
      if (to[0]) to[0](r, c) = v;
      if (to[1]) to[1](r, c) = v;
    }
  return sum;
}

TEST_CASE("computed_loss: weights, shared inputs, inputs without a gradient") {
  const nn::tensor<double> a = random_tensor<double>({2, 3}, 1), b = random_tensor<double>({2, 3}, 2);
  nn::tape<double> tape;
  const nn::variable x = tape.differentiable(a.view()), y = tape.constant(b.view());
  const auto record = [&](nn::variable first, nn::variable second, double weight) {
    return nn::computed_loss(
        tape, {first, second},
        [&](const auto& to) {
          CHECK(bool(to[1]) == tape.needs_gradient(second));
          return square(tape.value(first).matrix(), tape.value(second).matrix(), to);
        },
        weight);
  };
  double direct = 0;
  for (index i = 0; i < 6; ++i) direct += (a.data()[i] + b.data()[i]) * (a.data()[i] + b.data()[i]) / 2;
  CHECK(record(x, y, 3) == doctest::Approx(direct).epsilon(1e-14));  // the value is without the weight
  record(x, x, 0.5);                                                 // ½ · ½ Σ (2a)²
  tape.backward();
  for (int again = 0; again < 2; ++again) {
    for (index i = 0; i < 6; ++i)
      CHECK(tape.gradient(x).data[i] ==
            doctest::Approx(3 * (a.data()[i] + b.data()[i]) + 2 * a.data()[i]).epsilon(1e-14));
    tape.backward();  // starts anew
  }
  CHECK(message_of([&] { nn::computed_loss(tape, {}, [](const auto&) { return 0.0; }); }) ==
        "distill: computed_loss: inputs has 0 entries, 1 to 4 expected");
}

}  // namespace
}  // namespace nn_tests
