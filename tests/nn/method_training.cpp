// Every contrastive objective and every method, alone, teaches a small student: its own value halves within 200 steps.
#include <functional>

#include <distill/contrast/evaluate.hpp>
#include <distill/method/contrast_ratio.hpp>
#include <distill/method/crd.hpp>
#include <distill/method/dice_diversity.hpp>
#include <distill/method/dino.hpp>
#include <distill/method/itc.hpp>
#include <distill/method/mutual_information_bound.hpp>
#include <distill/method/negative_sampler.hpp>
#include <distill/method/norm_direction.hpp>
#include <distill/method/prototype_alignment.hpp>
#include <distill/method/segment_info_nce.hpp>
#include <distill/method/variational_information.hpp>
#include <distill/nn/adam.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/relu.hpp>
#include <distill/objective/info_nce.hpp>
#include <distill/objective/nt_xent.hpp>
#include <distill/objective/similarity_ce.hpp>
#include <distill/objective/supcon.hpp>
#include <distill/state/centre.hpp>
#include <distill/state/class_means.hpp>
#include <distill/state/memory_queue.hpp>

#include "support.hpp"

namespace nn_tests {

constexpr index batch = 16, width = 12;
using features = matrix_view<const float>;
/// Value of the student's features, and their gradient.
using method_loss = std::function<double(const features&, const matrix_view<float>&)>;

/// By how much 200 steps lower the value, as a share of its size at the start.
double best_gain(const method_loss& value_and_gradient) {
  nn::sequential<float> student;
  student.add(nn::linear<float>(10, 32, 1));
  student.add(nn::relu<float>());
  student.add(nn::linear<float>(32, width, 2));
  const nn::tensor<float> inputs = random_tensor<float>({batch, 10}, 3);
  nn::adam<float> optimiser;
  nn::tape<float> tape;
  double first = 0, least = 0;
  for (int step = 0; step < 200; ++step) {
    tape.reset();
    nn::zero_gradients(student.parameters());
    const auto y = student.forward(tape, tape.constant(inputs.view()));
    const nn::tensor_view<float> gradient = tape.allocate(tape.shape(y));
    const double value = value_and_gradient(tape.value(y).matrix(), gradient.matrix());
    if (step == 0) first = least = value;
    least = std::min(least, value);
    tape.record_loss(static_cast<float>(value), {y}, [gradient](nn::tape<float>& on, nn::variable self) {
      on.give_gradient(on.input(self, 0), gradient);
    });
    tape.backward();
    optimiser.step(student.parameters(), 1e-2);
  }
  return (first - least) / std::abs(first);
}

struct setting {
  nn::tensor<float> teacher = random_tensor<float>({batch, width}, 5), other = random_tensor<float>({batch, width}, 6),
                    queued = random_tensor<float>({2 * batch, width}, 7);
  std::vector<int> pairs, classes, samples;
  features t{teacher.view().matrix()}, o{other.view().matrix()}, q{queued.view().matrix()};

  setting() {
    for (int i = 0; i < batch; ++i) pairs.push_back(i / 2), classes.push_back(i % 4), samples.push_back(i);
  }
};

TEST_CASE("every contrastive objective alone halves its own value within 200 steps") {
  const setting s;
  const auto contrast = [&](const auto& objective, const std::vector<int>& labels, bool keys) {
    return best_gain([&, objective](const features& y, const matrix_view<float>& dy) {
      distill::contrast_batch<float> in{.anchors = y, .labels = labels};
      if (keys) in.keys = s.t;
      return distill::value_and_gradient(objective, in, {.anchors = dy});
    });
  };
  CHECK(contrast(distill::info_nce{}, {}, true) >= 0.5);
  CHECK(contrast(distill::info_nce{.directions = distill::contrast_directions::mean_of_both}, {}, true) >= 0.5);
  CHECK(contrast(distill::nt_xent{}, {}, true) >= 0.5);
  CHECK(contrast(distill::supcon{}, s.pairs, false) >= 0.5);
  distill::memory_queue<float> queue(40, width);
  queue.push(s.o);
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {
          return distill::value_and_gradient(
              distill::similarity_ce{.relative = true},
              distill::contrast_batch<float>{.anchors = y, .keys = s.t, .queue = queue.keys()}, {.anchors = dy});
        }) >= 0.5);
}

TEST_CASE("every method alone halves its own value within 200 steps") {
  const setting s;
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {  // a momentum of 0: the keys are the features
          return distill::value_and_gradient(distill::itc{.alpha = 0},
                                             distill::itc_batch<float>{y, s.t, y, s.t, s.q, s.q}, {.image = dy});
        }) >= 0.5);
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {
          return distill::value_and_gradient(distill::segment_info_nce{},
                                             distill::segment_batch<float>{y, s.t, s.pairs, s.pairs, batch / 2},
                                             {.student = dy});
        }) >= 0.5);
  distill::prototypes<float> own(4, width), fixed(4, width);
  fixed.update(s.t, s.classes);
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {
          own.update(y, s.classes);
          std::vector<float> slopes(4 * width);
          const matrix_view<float> to(slopes.data(), 4, width);
          const double value = distill::value_and_gradient(distill::prototype_alignment{}, own, fixed, {.student = to});
          own.backward(matrix_view<const float>(to), dy);
          return value;
        }) >= 0.5);
  // Two crops of eight samples.
  distill::centre<float> centre(width);
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {
          const double value = distill::value_and_gradient(
              distill::dino{}, distill::dino_batch<float>{y, s.t, centre.values()}, {.student = dy});
          centre.update(s.t);
          return value;
        }) >= 0.5);
  distill::memory_bank<float> students(batch, width, distill::random_stream(1)),
      teachers(batch, width, distill::random_stream(2));
  std::vector<index> negatives(batch * 6);
  distill::negative_sampler(index{batch})
      .draw(s.samples, distill::random_stream(3), matrix_view<index>(negatives.data(), batch, 6));
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {
          const distill::crd_batch<float> in{y, s.t, s.samples, matrix_view<const index>(negatives.data(), batch, 6)};
          const double value = distill::value_and_gradient(distill::crd{}, in, students, teachers, {.student = dy});
          students.update(s.samples, y);
          teachers.update(s.samples, s.t);
          return value;
        }) >= 0.5);
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {  // a critic of inner products
          nn::tensor<float> scores({batch, batch}), slopes({batch, batch});
          distill::product(y, distill::transposed(s.t), scores.view().matrix());
          const double value = distill::value_and_gradient(
              distill::mutual_information_bound{},
              distill::mutual_information_batch<float>{features(scores.view().matrix()), {}},
              {.scores = slopes.view().matrix()});
          distill::product(features(slopes.view().matrix()), s.t, dy);
          return value;
        }) >= 0.5);
  const features negative[] = {s.o};
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {
          const distill::contrast_level<float> level[] = {{y, s.t, negative}};
          const distill::contrast_level_gradients<float> to[] = {{dy, {}, {}}};
          return distill::value_and_gradient<float>(distill::contrast_ratio{}, level, to);
        }) >= 0.5);
  distill::class_means<float> means(4, width);
  means.add(s.t, s.classes);
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {
          return distill::value_and_gradient(distill::norm_direction{},
                                             distill::direction_features<float>{y, s.t, s.classes, means.means()},
                                             {.student = dy});
        }) >= 0.5);
  const std::vector<float> log_variance(batch, 1.0f);
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {
          return distill::value_and_gradient(distill::variational_information{},
                                             distill::variational_features<float>{y, s.t, log_variance},
                                             {.student = dy});
        }) >= 0.5);
  CHECK(best_gain([&](const features& y, const matrix_view<float>& dy) {
          return distill::value_and_gradient(distill::dice_diversity{}, distill::feature_stack<const float>(y),
                                             distill::feature_stack<float>(dy));
        }) >= 0.5);
}

}  // namespace nn_tests
