#include "architecture_search.hpp"

#include <algorithm>
#include <chrono>
#include <distill/metric/kendall_tau.hpp>
#include <distill/nn/criterion.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/recipe/diswot.hpp>
#include <distill/recipe/hinton.hpp>
#include <numeric>
#include <string>
#include <utility>

#include "../support/training.hpp"

namespace example {
namespace {

using distill::diswot_terms;
using distill::student_activation;
using distill::student_family;
using distill::student_genome;
using distill::student_space;
using search_method = distill::recipes::diswot<float>;

constexpr index batch_size = 100, labels_of_student = 1000, images_of_student = 6000, images_of_teacher = 20000,
                images_of_search = 64, random_students = 16, budget = 400'000;
constexpr diswot_terms whole_score{}, relation_alone{.semantic = false}, semantic_alone{.relation = false};

/// What the search compares students with, in the form of a lesson.
class teacher_view {
 public:
  teacher_view(const nn::network<float>& network, const image_batch& batch, nn::tape<float>& tape) : batch_(batch) {
    const auto nothing_to_learn = tape.no_gradients();
    const auto out = network.run(tape, tape.constant(batch.view()));
    const auto copy = [&](nn::variable v) {
      const auto from = tape.value(v);
      return std::vector<float>(from.data, from.data + from.size());
    };
    map_ = copy(out.taps[static_cast<std::size_t>(out.tap_count - 2)]);
    feature_ = copy(out.last());
    logits_ = copy(out.logits);
    tape.reset();
  }
  distill::lesson<float> lesson() const {
    return {
        .input = batch_.view(), .labels = batch_.labels, .teacher = rows(logits_), .teacher_feature = rows(feature_)};
  }
  distill::matrix_view<const float> map() const { return rows(map_); }

 private:
  distill::matrix_view<const float> rows(const std::vector<float>& of) const {
    const auto count = static_cast<index>(batch_.labels.size());
    return {of.data(), count, static_cast<index>(of.size()) / count};
  }
  const image_batch& batch_;
  std::vector<float> map_, feature_, logits_;
};

double mean(const std::vector<double>& of) {
  return std::accumulate(of.begin(), of.end(), 0.0) / static_cast<double>(of.size());
}

class architecture_task {
 public:
  explicit architecture_task(const task_settings& s)
      : settings_(s),
        steps_((s.epochs > 0 ? s.epochs : 3) * images_of_student / batch_size),
        data_(s.data, images_of_teacher),
        tape_({.threads = s.threads}),
        images_(every_image(data_.train)) {
    distill::shuffle(std::span(images_), distill::random_stream(s.seed));
    for (index i = 0; i < images_of_search; ++i)
      batch_.add(data_.train, images_[static_cast<std::size_t>(i)], true, nullptr);
  }

  std::vector<outcome> run() {
    const student_space large{.widths = {256}, .channels = {32}};
    nn::network<float> teacher =
        large.build<float>({student_family::convolutional, student_activation::relu, {0, 0}}, settings_.seed);
    const teacher_view untrained(teacher, batch_, tape_);
    train_teacher(teacher);
    study({}, "any activation", untrained);
    study({.activations = {student_activation::relu}}, "relu", untrained);
    return outcomes_;
  }

 private:
  class stopwatch {
   public:
    double seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }

   private:
    using clock = std::chrono::steady_clock;
    clock::time_point start_ = clock::now();
  };

  void train_teacher(nn::network<float>& teacher) {
    const stopwatch watch;
    sampler images(first(images_of_teacher), settings_.seed + 1);
    learn(teacher, 2 * images_of_teacher / batch_size, false, [&](image_batch& batch) {
      for (index i = 0; i < batch_size; ++i) batch.add(data_.train, images.next(), true, nullptr);
    });
    opinions_.logits = predict(teacher, data_.train.matrix(), tape_);
    opinions_.classes = decisions(opinions_.logits);
    outcomes_.push_back({"teacher", {{"accuracy %", accuracy(teacher)}}, watch.seconds()});
  }

  /// Random students and found ones.
  void study(const student_space& space, const std::string& name, const teacher_view& teacher) {
    const stopwatch watch;
    distill::random_choices choices(settings_.seed + 2);
    const search_method limits = method(space, whole_score);
    std::vector<student_genome> drawn;
    while (std::ssize(drawn) < random_students) {
      student_genome next = space.draw(choices);
      if (limits.feasible(next) && std::find(drawn.begin(), drawn.end(), next) == drawn.end())
        drawn.push_back(std::move(next));
    }
    std::vector<double> distilled, plain, cost;
    for (const student_genome& genome : drawn) {
      distilled.push_back(reached(space, genome, true));
      plain.push_back(reached(space, genome, false));
      cost.push_back(static_cast<double>(space.multiply_adds(genome)));
    }
    const auto tau = [&](const diswot_terms& terms) {
      search_method scorer = method(space, terms);
      std::vector<double> scores;
      for (const student_genome& genome : drawn)
        scores.push_back(scorer.score(genome, teacher.lesson(), teacher.map()));
      return distill::kendall_tau(scores, distilled);
    };
    outcomes_.push_back({name + ": " + std::to_string(random_students) + " random students",
                         {{"tau of score", tau(whole_score)},
                          {"tau of relation", tau(relation_alone)},
                          {"tau of semantics", tau(semantic_alone)},
                          {"tau of multiply-adds", distill::kendall_tau(cost, distilled)},
                          {"distilled accuracy %", mean(distilled)},
                          {"plain accuracy %", mean(plain)}},
                         watch.seconds()});
    found(space, name + ", found by score", whole_score, teacher);
    found(space, name + ", found by relation", relation_alone, teacher);
  }

  void found(const student_space& space, const std::string& name, const diswot_terms& terms,
             const teacher_view& teacher) {
    const stopwatch watch;
    const student_genome genome = method(space, terms).find(teacher.lesson(), teacher.map()).genome;
    const double searched = watch.seconds();
    outcomes_.push_back({name,
                         {{"distilled accuracy %", reached(space, genome, true)},
                          {"plain accuracy %", reached(space, genome, false)},
                          {"multiply-adds", static_cast<double>(space.multiply_adds(genome))},
                          {"seconds of search", searched}},
                         watch.seconds()});
  }

  search_method method(const student_space& space, const diswot_terms& terms) const {
    return search_method(space, {.evolution = {.cycles = 100, .seed = settings_.seed},
                                 .terms = terms,
                                 .most_multiply_adds = budget,
                                 .network_seed = settings_.seed + 1000,
                                 .networks = 8});
  }

  /// Test accuracy after a short training.
  double reached(const student_space& space, const student_genome& genome, bool distil) {
    nn::network<float> student = space.build<float>(genome, settings_.seed + 3);
    sampler labelled(first(labels_of_student), settings_.seed + 4), any(first(images_of_student), settings_.seed + 5);
    learn(student, steps_, distil, [&](image_batch& batch) {
      for (index i = 0; i < batch_size; ++i) {
        const bool has_label = !distil || i < batch_size / 4;
        batch.add(data_.train, has_label ? labelled.next() : any.next(), has_label, distil ? &opinions_ : nullptr);
      }
    });
    return accuracy(student);
  }

  template <class Fill>
  void learn(nn::network<float>& network, index steps, bool distil, const Fill& fill) {
    nn::criterion<float, distill::cross_entropy> plain(distill::cross_entropy{});
    distill::recipes::hinton<float> distilled({.temperature = 2});
    image_batch batch;
    train(network.parameters(), steps, 3e-3, tape_, [&](index) -> double {
      batch.clear();
      fill(batch);
      if (distil) return distilled.record(tape_, network, batch.lesson());
      return plain(tape_, network.forward(tape_, tape_.constant(batch.view())), {.labels = batch.labels}).value;
    });
  }
  double accuracy(const nn::network<float>& network) {
    return 100 * distill::accuracy(as_matrix(predict(network, data_.test.matrix(), tape_)), data_.test.labels);
  }
  std::vector<index> first(index count) const { return {images_.begin(), images_.begin() + count}; }

  task_settings settings_;
  index steps_;
  fashion_mnist data_;
  nn::tape<float> tape_;
  std::vector<index> images_;
  image_batch batch_;
  opinions opinions_;
  std::vector<outcome> outcomes_;
};

}  // namespace

known_task architecture_search() {
  return {search_method::info, [](const task_settings& settings) { return architecture_task(settings).run(); }};
}

}  // namespace example
