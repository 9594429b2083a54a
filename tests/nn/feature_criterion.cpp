// Every pair objective, alone, teaches a small student: its own value halves within 200 steps.
#include <distill/nn/adam.hpp>
#include <distill/nn/conv2d.hpp>
#include <distill/nn/feature_criterion.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/relu.hpp>
#include <distill/pair_catalogue.hpp>

#include "support.hpp"

namespace nn_tests {

struct task {
  nn::tensor<float> images;  // batch × 1 × 6 × 6
  nn::tensor<float>
      features;  // of the teacher, a network of the same shape: batch × 6 channels × 6 × 6, samples at length 1
};

nn::sequential<float> network(std::uint64_t seed) {
  nn::sequential<float> result;
  result.add(nn::conv2d<float>(1, 8, 3, seed, {.padding = 1}));
  result.add(nn::relu<float>());
  result.add(nn::conv2d<float>(8, 6, 3, seed + 1, {.padding = 1}));
  return result;
}

const task& the_task() {
  static const task made = [] {
    task t{random_tensor<float>({12, 1, 6, 6}, 3), nn::tensor<float>({12, 6, 6, 6})};
    nn::sequential<float> teacher = network(100);
    nn::tape<float> tape;
    const auto y = teacher.forward(tape, tape.constant(t.images.view()));
    const matrix_view<const float> rows = tape.value(y).matrix();
    distill::unit_rows{}.forward<float>(rows, t.features.view().matrix(),
                                        std::vector<float>(static_cast<std::size_t>(rows.rows)).data(), {});
    return t;
  }();
  return made;
}

template <class Objective>
concept one_stage = distill::pair_compound<Objective> ||
    (distill::pair_leaf<Objective>&& distill::detail::items_of<Objective>() != distill::item_kind::stages);

/// The objective with its default parameters, but where they ask for features of another size.
template <class Objective>
Objective for_training() {
  return {};
}
template <>
distill::token_graph for_training() {
  return {.sigma = 50};
}
template <>
distill::class_transport for_training() {
  return {.epsilon = 0.02};  // what entropy costs is a floor
}

/// By how much 200 steps of Adam lower the value, as a share of its size at the start.
template <class Objective>
double best_gain(const Objective& objective, nn::feature_view how) {
  const task& t = the_task();
  nn::sequential<float> student = network(7);
  nn::adam<float> optimiser;
  nn::feature_criterion<float, Objective> criterion(objective, how);
  nn::tape<float> tape;
  double first = 0, least = 0;
  const auto& shape = t.features.shape();
  const distill::feature_stack<const float> teacher =
      how == nn::feature_view::maps ? distill::channel_maps(t.features.data(), {shape[0], shape[1], shape[2], shape[3]})
                                    : distill::feature_stack<const float>(t.features.view().matrix());
  for (int step = 0; step < 200; ++step) {
    tape.reset();
    nn::zero_gradients(student.parameters());
    const double value = criterion(tape, student.forward(tape, tape.constant(t.images.view())), teacher);
    if (step == 0) first = least = value;
    least = std::min(least, value);
    tape.backward();
    optimiser.step(student.parameters(), 5e-3);
  }
  return (first - least) / std::abs(first);
}

TEST_CASE("every pair objective alone halves its own value within 200 steps") {
  distill::pair_catalogue::each([]<class Objective>(const Objective&) {
    if constexpr (one_stage<Objective>) {
      constexpr distill::pair_info info = Objective::info;
      const bool maps = info.input.starts_with("channels") || info.input.starts_with("maps");
      const double gain =
          best_gain(for_training<Objective>(), maps ? nn::feature_view::maps : nn::feature_view::samples);
      INFO(info.name << ": " << gain);
      CHECK(gain >= 0.5);
    }
  });
}

TEST_CASE("fsp alone halves its own value within 200 steps") {
  const task& t = the_task();
  nn::sequential<float> teacher = network(100), student = network(7);
  nn::adam<float> optimiser;
  nn::feature_criterion<float, distill::fsp> criterion(distill::fsp{}, nn::feature_view::maps);
  nn::tape<float> tape, teacher_tape;
  const auto middle = teacher.forward(teacher_tape, teacher_tape.constant(t.images.view()), 0, 2);
  const distill::feature_stack<const float> first =
      distill::channel_maps(teacher_tape.value(middle).data, {12, 8, 6, 6});
  const distill::feature_stack<const float> next = distill::channel_maps(t.features.data(), {12, 6, 6, 6});
  double start = 0, value = 0;
  for (int step = 0; step < 200; ++step) {
    tape.reset();
    nn::zero_gradients(student.parameters());
    const auto own = student.forward(tape, tape.constant(t.images.view()), 0, 2);
    value = criterion(tape, own, student.forward(tape, own, 2, 3), first, next);
    if (step == 0) start = value;
    tape.backward();
    optimiser.step(student.parameters(), 5e-3);
  }
  CHECK(value <= 0.5 * start);
}

}  // namespace nn_tests
