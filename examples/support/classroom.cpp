#include "classroom.hpp"

#include <algorithm>
#include <chrono>
#include <distill/nn/criterion.hpp>
#include <distill/nn/parameter_list.hpp>
#include <distill/nn/pooled_rows.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <stdexcept>

namespace example {
namespace {

constexpr index batch_size = 128, labelled_in_batch = 32;  // the rest of a distilled batch is unlabelled
constexpr index curve_points = 16;

/// The labels, and nothing else.
class labels_alone : public distill::recipe<float> {
 public:
  double record(nn::tape<float>& tape, nn::network<float>& student, const distill::lesson<float>& lesson) override {
    const nn::variable logits = student.forward(tape, tape.constant(lesson.input));
    return loss_(tape, logits, {.labels = lesson.labels}).value;
  }

 private:
  nn::criterion<float, distill::cross_entropy> loss_{distill::cross_entropy{}};
};

/// Logits and, averaged over pixels or tokens, what the head sees.
opinions opinions_of(const nn::network<float>& network, const distill::matrix_view<const float>& images,
                     nn::tape<float>& tape) {
  opinions result;
  const nn::pooled_rows<float> pooled;
  show(images, tape, [&](nn::variable input) {
    const auto out = network.run(tape, input);
    append(result.logits, tape.value(out.logits));
    append(result.features, tape.value(pooled.forward(tape, out.last())));
  });
  result.classes = decisions(result.logits);
  return result;
}

}  // namespace

classroom::classroom(const classroom_settings& s)
    : settings_(s),
      teacher_kind_(network_called(s.teacher, "--teacher")),
      student_kind_(network_called(s.student, "--student")),
      data_(s.data),
      tape_({.threads = s.threads}),
      student_steps_(s.epochs * data_.train.size() / batch_size),
      teacher_(teacher_kind_.make(s.seed * 1000)) {
  if (student_steps_ < 1)
    throw std::invalid_argument("--data: " + std::to_string(data_.train.size()) + " images make no step of " +
                                std::to_string(batch_size) + " in --epochs " + std::to_string(s.epochs));
}

double classroom::teacher_work() const { return teacher_kind_.work * static_cast<double>(2 * student_steps_); }
double classroom::student_work() const { return student_kind_.work * static_cast<double>(student_steps_); }

graduate classroom::raise_teacher(progress& bar) {
  bar.phase("teacher");
  sampler images(every_image(data_.train), settings_.seed * 1000 + 10);
  labels_alone method;
  image_batch batch;
  train(
      teacher_.parameters(), 2 * student_steps_, teacher_kind_.rate, tape_,
      [&](index) {
        batch.clear();
        for (index i = 0; i < batch_size; ++i) batch.add(data_.train, images.next(), true, nullptr);
        return method.record(tape_, teacher_, batch.lesson());
      },
      [&](index, double loss) { bar.advance(teacher_kind_.work, batch_size, loss); });
  said_ = opinions_of(teacher_, data_.train.matrix(), tape_);
  teacher_test_ = predict(teacher_, data_.test.matrix(), tape_);
  return judge(teacher_test_);
}

graduate classroom::teach(int number, const teaching& how, progress& bar) {
  const std::uint64_t seed = (settings_.seed * 100 + static_cast<std::uint64_t>(number)) * 10;
  std::vector<index> all = every_image(data_.train);
  distill::shuffle(std::span(all), distill::random_stream(seed));
  const auto split = all.begin() + std::min(settings_.labelled, data_.train.size());
  const auto begin = all.begin() + (how.validates ? (split - all.begin()) / 10 : 0);
  sampler labelled({begin, split}, seed + 1), unlabelled({split, all.end()}, seed + 2);
  const index with_label = !how.method || split == all.end() ? batch_size : labelled_in_batch;
  nn::network<float> student = student_kind_.make(seed + 3), teacher = teacher_kind_.make(0);
  nn::assign_values<float>(teacher.parameters(), nn::flat_values(teacher_.parameters()));
  nn::assign_values<float>(teacher.buffers(), nn::flat_values(teacher_.buffers()));

  sampler aside(begin == all.begin() ? all : std::vector<index>(all.begin(), begin), seed + 4);
  image_batch of_unseen;
  const auto unseen = [&] {
    of_unseen.clear();
    for (index i = 0; i < batch_size; ++i) of_unseen.add(data_.train, aside.next(), true, nullptr);
    return of_unseen.lesson();
  };
  const distill::study<float> study{
      .student = student,
      .teacher = teacher,
      .input = as_images(nullptr, 1).shape,
      .teacher_logits = as_matrix(said_.logits),
      .teacher_features = {said_.features.data(), data_.train.size(), said_.width()},
      .classes = said_.classes,
      .unseen = unseen,
  };
  const auto method = how.method ? how.method(study, seed + 5) : std::make_unique<labels_alone>();

  image_batch batch;
  std::vector<curve_point> curve;
  std::chrono::duration<double> spent{};
  auto start = std::chrono::steady_clock::now();
  train(
      learned_by(*method, student), student_steps_, student_kind_.rate, tape_,
      [&](index step) {
        batch.clear();
        for (index i = 0; i < batch_size; ++i) {
          const bool has_label = i < with_label;
          batch.add(data_.train, has_label ? labelled.next() : unlabelled.next(), has_label,
                    how.method ? &said_ : nullptr);
        }
        return method->record(tape_, student,
                              batch.lesson(static_cast<double>(step) / static_cast<double>(student_steps_)));
      },
      [&](index step, double loss) {
        bar.advance(student_kind_.work, batch_size, loss);
        if ((step + 1) * curve_points / student_steps_ == step * curve_points / student_steps_) return;
        spent += std::chrono::steady_clock::now() - start;
        const logit_table logits = predict(student, data_.test.matrix(), tape_);
        curve.push_back({step + 1, distill::accuracy(as_matrix(logits), data_.test.labels)});
        start = std::chrono::steady_clock::now();
      });
  spent += std::chrono::steady_clock::now() - start;
  graduate result = judge(predict(student, data_.test.matrix(), tape_));
  result.curve = std::move(curve);
  result.seconds_per_epoch = spent.count() / settings_.epochs;
  return result;
}

graduate classroom::judge(const logit_table& logits) const {
  return {scores(logits, teacher_test_, data_.test), distill::calibration(as_matrix(logits), data_.test.labels)};
}

}  // namespace example
