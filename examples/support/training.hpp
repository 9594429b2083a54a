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
#include <distill/recipe/lesson.hpp>
#include <numeric>
#include <span>
#include <vector>

#include "fashion_mnist.hpp"

namespace example {

using distill::index;
namespace nn = distill::nn;
using logit_table = std::vector<float>;  // images × 10

inline distill::matrix_view<const float> as_matrix(const logit_table& table) {
  return {table.data(), std::ssize(table) / classes_of_images, classes_of_images};
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

inline std::vector<index> every_image(const labelled_images& images) {
  std::vector<index> all(static_cast<std::size_t>(images.size()));
  std::iota(all.begin(), all.end(), index(0));
  return all;
}

/// What a teacher has to say of every image.
struct opinions {
  logit_table logits;
  std::vector<std::int32_t> classes{};  // what it takes each image for
  std::vector<float> features{};        // images × width, what its head sees; may be missing

  index width() const { return std::ssize(features) * classes_of_images / std::max<index>(1, std::ssize(logits)); }
};

/// The likeliest class of each image.
inline std::vector<std::int32_t> decisions(const logit_table& logits) {
  std::vector<std::int32_t> result;
  for (auto row = logits.begin(); row != logits.end(); row += classes_of_images)
    result.push_back(static_cast<std::int32_t>(std::max_element(row, row + classes_of_images) - row));
  return result;
}

/// A batch under way to the network.
struct image_batch {
  std::vector<float> pixels, features;
  std::vector<std::int32_t> labels, classes;
  logit_table teacher;

  void clear() {
    pixels.clear();
    features.clear();
    labels.clear();
    classes.clear();
    teacher.clear();
  }
  /// With its label, or without; with what a teacher says of it, if there is one.
  void add(const labelled_images& from, index image, bool labelled, const opinions* said) {
    const auto at = static_cast<std::size_t>(image);
    const float* p = from.matrix().row(image);
    pixels.insert(pixels.end(), p, p + image_shape.size());
    const std::int32_t label = from.labels[at];
    labels.push_back(labelled ? label : static_cast<std::int32_t>(distill::lesson<float>::unlabelled));
    classes.push_back(labelled || !said ? label : said->classes[at]);
    if (!said) return;
    const auto copy_row = [&](const std::vector<float>& table, index width, std::vector<float>& to) {
      to.insert(to.end(), table.begin() + image * width, table.begin() + (image + 1) * width);
    };
    copy_row(said->logits, classes_of_images, teacher);
    copy_row(said->features, said->width(), features);
  }
  nn::tensor_view<const float> view() const { return as_images(pixels.data(), std::ssize(labels)); }
  /// The batch as a recipe takes it; valid until the batch changes.
  distill::lesson<float> lesson(double progress = 0) const {
    distill::lesson<float> result{.input = view(), .labels = labels, .classes = classes, .progress = progress};
    const index rows = std::ssize(labels);
    if (!teacher.empty()) result.teacher = as_matrix(teacher);
    if (!features.empty()) result.teacher_feature = {features.data(), rows, std::ssize(features) / rows};
    return result;
  }
};

/// Shows a network all images, a row each, as it is used: running statistics, no gradients. use(input) runs it on some
/// of them, in order.
template <class Use>
void show(const distill::matrix_view<const float>& images, nn::tape<float>& tape, const Use& use) {
  const auto nothing_to_learn = tape.no_gradients();
  tape.evaluate();
  constexpr index chunk = 500;
  for (index first = 0; first < images.rows; first += chunk) {
    use(tape.constant(as_images(images.row(first), std::min(chunk, images.rows - first))));
    tape.reset();
  }
  tape.train();
}
inline void append(std::vector<float>& to, const nn::tensor_view<const float>& x) {
  to.insert(to.end(), x.data, x.data + x.size());
}

/// The network's logits for every row, an image.
inline logit_table predict(const nn::layer<float>& model, const distill::matrix_view<const float>& images,
                           nn::tape<float>& tape) {
  logit_table result;
  show(images, tape, [&](nn::variable input) { append(result, tape.value(model.forward(tape, input))); });
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

/// Adam and a cosine schedule, the first twentieth of it rising. `record(step)` puts the loss of a step on the tape;
/// `after(step, loss)` sees what came of it.
template <class Record, class After>
void train(const std::vector<nn::parameter<float>*>& learned, index steps, double peak, nn::tape<float>& tape,
           const Record& record, const After& after) {
  nn::adam<float> optimiser;
  const nn::cosine_schedule rate{.peak = peak, .steps = steps, .warm_up = steps / 20};
  for (index step = 0; step < steps; ++step) {
    nn::zero_gradients(learned);
    const double loss = static_cast<double>(record(step));
    tape.backward();
    optimiser.step(learned, rate(step), tape.resources());
    tape.reset();
    after(step, loss);
  }
}
template <class Record>
void train(const std::vector<nn::parameter<float>*>& learned, index steps, double peak, nn::tape<float>& tape,
           const Record& record) {
  train(learned, steps, peak, tape, record, [](index, double) {});
}

}  // namespace example
