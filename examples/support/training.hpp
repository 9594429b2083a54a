// One network trained: batches, loss, steps, and what the test images say of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <distill/core/random.hpp>
#include <distill/metric/accuracy.hpp>
#include <distill/metric/agreement.hpp>
#include <distill/metric/calibration.hpp>
#include <distill/metric/fidelity.hpp>
#include <distill/metric/negative_log_likelihood.hpp>
#include <distill/nn/adam.hpp>
#include <distill/nn/cosine_schedule.hpp>
#include <distill/nn/layer.hpp>
#include <distill/train/progress.hpp>
#include <numeric>
#include <span>
#include <vector>

#include "fashion_mnist.hpp"

namespace example {

using distill::index;
namespace nn = distill::nn;
using distill::train::progress;
using logit_table = std::vector<float>;  // images × 10

inline distill::matrix_view<const float> as_matrix(const logit_table& table) {
  return {table.data(), std::ssize(table) / classes, classes};
}

inline nn::tensor_view<const float> as_images(const float* pixels, index count) {
  return {pixels, {count, image_shape.channels, image_shape.height, image_shape.width}};
}

/// Visits the given images in an order that is new in every pass and depends on the seed alone.
class sampler {
 public:
  sampler(std::vector<index> images, std::uint64_t seed) : images_(std::move(images)), seed_(seed) {}
  index next() {
    if (at_ == images_.size()) at_ = 0;
    if (at_ == 0) distill::shuffle(std::span(images_), distill::random_stream(seed_, pass_++));
    return images_[at_++];
  }

 private:
  std::vector<index> images_;
  std::uint64_t seed_, pass_ = 0;
  std::size_t at_ = 0;
};

/// A batch under way to the network.
struct image_batch {
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;  // -100: unlabelled
  logit_table teacher;

  void clear() {
    pixels.clear();
    labels.clear();
    teacher.clear();
  }
  void add(const labelled_images& from, index image, bool labelled, const logit_table* teacher_logits) {
    const float* p = from.matrix().row(image);
    pixels.insert(pixels.end(), p, p + image_shape.size());
    labels.push_back(labelled ? from.labels[static_cast<std::size_t>(image)] : -100);
    if (!teacher_logits) return;
    const auto row = teacher_logits->begin() + image * classes;
    teacher.insert(teacher.end(), row, row + classes);
  }
  nn::tensor_view<const float> view() const { return as_images(pixels.data(), std::ssize(labels)); }
};

/// The network's logits for every row, an image.
inline logit_table predict(const nn::layer<float>& model, const distill::matrix_view<const float>& images,
                           nn::tape<float>& tape) {
  const auto nothing_to_learn = tape.no_gradients();
  tape.evaluate();
  constexpr index chunk = 500;
  logit_table result;
  for (index first = 0; first < images.rows; first += chunk) {
    const index count = std::min(chunk, images.rows - first);
    const auto logits = tape.value(model.forward(tape, tape.constant(as_images(images.row(first), count))));
    result.insert(result.end(), logits.data, logits.data + logits.size());
    tape.reset();
  }
  tape.train();
  return result;
}

/// What the table shows of one network on the test images.
struct scores {
  double accuracy, nll, ece, agreement, fidelity;

  scores(const logit_table& logits, const logit_table& teacher, const labelled_images& test)
      : accuracy(distill::accuracy(as_matrix(logits), test.labels)),
        nll(distill::negative_log_likelihood(as_matrix(logits), test.labels)),
        ece(distill::calibration(as_matrix(logits), test.labels).expected_error),
        agreement(distill::agreement(as_matrix(logits), as_matrix(teacher))),
        fidelity(distill::fidelity(as_matrix(logits), as_matrix(teacher))) {}
};

struct curve_point {
  index step;
  double accuracy;
};

/// Everything a training run needs besides the model and the loss.
struct training_plan {
  index steps;
  double learning_rate;
  index curve_points = 0;  ///< how often the test accuracy is taken on the way
  double work = 1;         ///< what a step counts on the bar
};

/// Trains with Adam and a cosine schedule. `fill(batch)` collects the next batch, `loss(tape, logits, batch)` records
/// the loss and returns its value.
template <class Fill, class Loss>
std::vector<curve_point> train(nn::layer<float>& model, const training_plan& plan, const labelled_images& test,
                               nn::tape<float>& tape, progress& bar, const Fill& fill, const Loss& loss) {
  nn::adam<float> optimiser;
  const nn::cosine_schedule rate{.peak = plan.learning_rate, .steps = plan.steps, .warm_up = plan.steps / 20};
  const auto parameters = model.parameters();
  std::vector<curve_point> curve;
  image_batch batch;
  for (index step = 0; step < plan.steps; ++step) {
    batch.clear();
    fill(batch);
    nn::zero_gradients(parameters);
    const nn::variable logits = model.forward(tape, tape.constant(batch.view()));
    const double value = loss(tape, logits, batch);
    tape.backward();
    optimiser.step(parameters, rate(step), tape.resources());
    tape.reset();
    bar.advance(plan.work, static_cast<double>(batch.labels.size()), value);
    if (plan.curve_points > 0 && (step + 1) * plan.curve_points / plan.steps > step * plan.curve_points / plan.steps)
      curve.push_back({step + 1, distill::accuracy(as_matrix(predict(model, test.matrix(), tape)), test.labels)});
  }
  return curve;
}

}  // namespace example
