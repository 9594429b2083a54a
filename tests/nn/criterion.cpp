// A row objective at the end of a whole network.
#include <distill/nn/criterion.hpp>

#include <distill/nn/adam.hpp>
#include <distill/nn/conv2d.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/max_pool.hpp>
#include <distill/nn/relu.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/jensen_shannon.hpp>
#include <distill/objective/kl.hpp>

#include "support.hpp"

namespace nn_tests {
namespace {

const auto distillation = 0.6 * distill::kl{.temperature = 2} + 0.3 * distill::jensen_shannon{.temperature = 3} +
                          0.1 * distill::cross_entropy{.label_smoothing = 0.1};

template <class T>
nn::sequential<T> small_classifier() {
  nn::sequential<T> model;
  model.add(nn::conv2d<T>{1, 3, 3, 1, {.padding = 1}});
  model.add(nn::relu<T>{});
  model.add(nn::max_pool<T>{});
  model.add(nn::linear<T>{3 * 9, 8, 2});
  model.add(nn::relu<T>{});
  model.add(nn::linear<T>{8, 5, 3});
  return model;
}

/// A batch with its targets; the second image is unlabelled.
template <class T>
struct classification {
  nn::tensor<T> images = random_tensor<T>({6, 1, 6, 6}, 5), teacher = random_tensor<T>({6, 5}, 6);
  std::vector<int> labels{0, -100, 4, 2, 2, 1};

  nn::criterion_targets<T> targets() const {
    return {.teacher = std::as_const(teacher).view().matrix(),
            .labels = labels,
            .options = {.reduction = distill::reduction::mean_valid()}};
  }
};

}  // namespace

TEST_CASE("criterion: the gradient of a whole network agrees with central differences") {
  nn::sequential<double> model = small_classifier<double>();
  const classification<double> data;
  nn::criterion<double, std::remove_const_t<decltype(distillation)>> criterion(distillation);
  nn::tape<double> tape;
  const auto loss = [&] {
    const double value = criterion(tape, model.forward(tape, tape.constant(data.images.view())), data.targets());
    return value;
  };
  loss();
  tape.backward();
  tape.reset();
  double worst = 0, largest = 0;
  for (nn::parameter<double>* p : model.parameters())
    for (index i = 0; i < p->size(); ++i) {
      double& w = p->value().data[i];
      const double kept = w, h = 1e-5;
      w = kept + h;
      const double above = loss();
      tape.reset();
      w = kept - h;
      const double below = loss();
      tape.reset();
      w = kept;
      worst = std::max(worst, std::abs((above - below) / (2 * h) - p->gradient().data[i]));
      largest = std::max(largest, std::abs(p->gradient().data[i]));
    }
  CAPTURE(largest);
  CHECK(worst <= 1e-8 * largest + 1e-9);
}

TEST_CASE("criterion: the upstream weight scales the gradient, and frozen networks only get a value") {
  const classification<double> data;
  nn::criterion<double, distill::kl> criterion{distill::kl{}};
  nn::tape<double> tape;
  const nn::tensor<double> logits = random_tensor<double>({6, 5}, 9);
  const nn::variable z = tape.differentiable(logits.view());
  const double value = criterion(tape, z, data.targets());
  tape.backward();
  const nn::tensor_view<double> once = tape.gradient(z);
  std::vector<double> gradient(once.data, once.data + once.size());
  CHECK(*std::max_element(gradient.begin(), gradient.end()) > 0);
  tape.reset();
  const double alone = criterion(tape, tape.constant(logits.view()), data.targets());
  CHECK(alone == value);
  CHECK(message_of([&] { tape.backward(); }).find("no loss was recorded") != std::string::npos);
}

TEST_CASE("criterion: two losses on one variable add up, each time backward() is called") {
  const classification<double> data;
  nn::criterion<double, distill::kl> first{distill::kl{}}, second{distill::kl{.temperature = 3}};
  nn::tape<double> tape;
  const nn::tensor<double> logits = random_tensor<double>({6, 5}, 9);
  const nn::variable z = tape.differentiable(logits.view());
  first(tape, z, data.targets());
  second(tape, z, data.targets());
  tape.backward();
  const std::vector<double> once(tape.gradient(z).data, tape.gradient(z).data + logits.size());
  tape.backward();
  for (index i = 0; i < logits.size(); ++i) CHECK(tape.gradient(z).data[i] == once[static_cast<std::size_t>(i)]);
}

TEST_CASE("criterion: two networks that learn from each other, the gradient of both") {
  const classification<double> data;
  const nn::tensor<double> a = random_tensor<double>({6, 5}, 9), b = random_tensor<double>({6, 5}, 10);
  nn::criterion<double, distill::kl> criterion{distill::kl{}};
  nn::tape<double> tape;
  const nn::variable student = tape.differentiable(a.view()), teacher = tape.differentiable(b.view());
  const double value = criterion(tape, student, teacher);
  tape.backward();
  nn::tensor<double> to_student({6, 5}), to_teacher({6, 5});
  const double expected = distill::value_and_gradient(
      distill::kl{}, distill::batch<double>{.student = a.view().matrix(), .teacher = b.view().matrix()},
      {.student = to_student.view().matrix(), .teacher = to_teacher.view().matrix()});
  CHECK(value == expected);
  for (index i = 0; i < 30; ++i) {
    CHECK(tape.gradient(student).data[i] == to_student.data()[i]);
    CHECK(tape.gradient(teacher).data[i] == to_teacher.data()[i]);
  }
  tape.reset();  // one of them fixed
  const nn::variable fixed = tape.constant(a.view()), learns = tape.differentiable(b.view());
  CHECK(static_cast<double>(criterion(tape, fixed, learns)) == expected);
  tape.backward();
  CHECK(tape.gradient(learns).data[7] == to_teacher.data()[7]);
  CHECK(message_of([&] { criterion(tape, fixed, learns, data.targets()); }) ==
        "distill: criterion: teacher is given as a variable and in targets, one of them expected");
}

TEST_CASE_TEMPLATE("criterion: distillation training gives the same bits for 1, 2 and 3 threads", T, float, double) {
  const classification<T> data;
  std::vector<T> expected;
  for (const int threads : {1, 2, 3}) {
    nn::sequential<T> model = small_classifier<T>();
    nn::criterion<T, std::remove_const_t<decltype(distillation)>> criterion(distillation);
    nn::tape<T> tape({threads});
    nn::adam<T> optimiser;
    double first = 0, last = 0;
    for (int step = 0; step < 30; ++step) {
      zero_gradients(model.parameters());
      last = criterion(tape, model.forward(tape, tape.constant(data.images.view())), data.targets());
      if (step == 0) first = last;
      tape.backward();
      optimiser.step(model.parameters(), 1e-2, {threads});
      tape.reset();
    }
    CHECK(last < 0.7 * first);
    std::vector<T> weights;
    for (const nn::parameter<T>* p : model.parameters())
      weights.insert(weights.end(), p->value().data, p->value().data + p->size());
    if (threads == 1) expected = weights;
    CHECK(std::memcmp(weights.data(), expected.data(), weights.size() * sizeof(T)) == 0);
  }
}

}  // namespace nn_tests
