// DistiLLM beside an independent implementation, tests/reference/recipes/distillm.py: losses, and which sequences every
// step learns from.
#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <distill/nn/flatten.hpp>
#include <distill/recipe/distillm.hpp>

#include "support.hpp"

namespace recipe_tests {

using distill::fresh_share;
using distill::recipes::distillm;
using distill::recipes::skewed;

TEST_CASE("distillm follows PyTorch: skewed KL, skewed reverse KL, with labels beside it") {
  course first, second, third;
  distillm<double> forward, reverse({.direction = skewed::reverse}),
      labels({.direction = skewed::reverse, .lambda = 0.3, .kd_ratio = 0.75});
  follow("distillm_skew_kl", forward, first);
  follow("distillm_skew_reverse_kl", reverse, second);
  follow("distillm_labels", labels, third);
}

/// The same lessons with nothing but labels to say which rows count.
class by_label : public distill::recipe<double> {
 public:
  double record(nn::tape<double>& tape, nn::network<double>& student, const lesson<double>& given) override {
    lesson<double> changed = given;
    changed.classes = {};
    return method.record(tape, student, changed);
  }
  distillm<double> method;
};

TEST_CASE("distillm follows PyTorch where a label of -100 takes a row out") {
  course c;
  by_label method;
  follow("distillm_masked", method, c);
}

TEST_CASE("distillm: masked rows may hold anything; none that counts is 0; neither classes nor labels count all") {
  for (const double kd_ratio : {1.0, 0.5, 0.0}) {
    CAPTURE(kd_ratio);
    course c;
    distillm<double> method({.kd_ratio = kd_ratio});
    nn::tape<double> tape;
    const auto parameters = c.student.parameters();
    const auto gradient = [&](const lesson<double>& l) {
      nn::zero_gradients(parameters);
      const double loss = method.record(tape, c.student, l);
      tape.backward();
      tape.reset();
      std::vector<double> all = nn::flat_gradients(parameters);
      all.push_back(loss);
      return all;
    };
    lesson<double> l = c.at(1);
    std::vector<int> classes(10, 2);
    classes[3] = classes[8] = -100;
    l.classes = classes;
    const std::vector<double> before = gradient(l);
    std::fill_n(c.teacher.data() + (10 + 3) * course::classes, course::classes, -INFINITY);
    c.teacher.data()[(10 + 8) * course::classes] = NAN;
    CHECK(gradient(l) == before);
    std::fill(classes.begin(), classes.end(), -100);
    for (const double g : gradient(l)) CHECK(g == 0);
    if (kd_ratio < 1) continue;
    l = c.at(0);
    const std::vector<double> all = gradient(l);
    l.classes = l.labels = {};
    CHECK(gradient(l) == all);
  }
}

TEST_CASE("distillm: finite where logits are 800 apart, in both directions") {
  course c;
  nn::tape<double> tape;
  for (index i = 0; i < c.teacher.size(); ++i) c.teacher.data()[i] = i % course::classes == 0 ? 800 : 0;
  for (const skewed direction : {skewed::forward, skewed::reverse}) {
    distillm<double> method({.direction = direction});
    nn::zero_gradients(c.student.parameters());
    CHECK(std::isfinite(method.record(tape, c.student, c.at(0))));
    tape.backward();
    for (const double g : nn::flat_gradients(c.student.parameters())) CHECK(std::isfinite(g));
    tape.reset();
  }
}

/// rows × (tokens · vocabulary) as rows × tokens × vocabulary.
class as_tokens : public nn::layer<double> {
 public:
  explicit as_tokens(index tokens) : nn::layer<double>("as_tokens"), tokens_(tokens) {}
  nn::variable forward(nn::tape<double>& t, nn::variable x) const override {
    const nn::tensor_shape s = t.shape(x);
    return nn::reshape(t, x, {s[0], tokens_, s[1] / tokens_});
  }

 private:
  index tokens_;
};

TEST_CASE("distillm: texts of tokens are the rows they consist of") {
  const nn::tensor<double> logits = filled({4, 6}, 1, 3), teacher = filled({8, 3}, 2, 3);
  nn::network<double> texts("texts"), rows("rows");
  texts.set_head(as_tokens(2));
  rows.set_head(nn::flatten<double>());
  distillm<double> method;
  nn::tape<double> tape;
  const std::vector<int> classes{0, 1, -100, 2, 0, -100, 1, 1};
  lesson<double> l{.input = logits.view(), .classes = classes, .teacher = teacher.view().matrix()};
  const double as_texts = method.record(tape, texts, l);
  l.input = {logits.data(), {8, 3}};
  CHECK(as_texts == method.record(tape, rows, l));
  CHECK(as_texts > 0);
}

TEST_CASE("distillm: thresholds, sources and the buffer as a second implementation draws them") {
  using sequence = distillm<double>::sequence;
  constexpr index steps = 96, count = 3;
  const auto wanted = recorded("distillm_sources");
  const auto loss = [](index step) { return static_cast<double>(step) / 64 + number(step, 5) / 4; };
  const std::string names[] = {"decreasing.", "constant.", "increasing."};
  for (const fresh_share share : {fresh_share::decreasing, fresh_share::constant, fresh_share::increasing}) {
    const std::string& name = names[static_cast<std::size_t>(share)];
    CAPTURE(name);
    distillm<double> method({.threshold = 0.3, .share = share, .capacity = 10, .seed = 17});
    std::vector<double> sources, thresholds, chosen, kept;
    std::int32_t written = 0;
    method.threshold.evaluated(loss(0));
    for (index step = 0; step < steps; ++step) {
      const double progress = static_cast<double>(step) / steps;
      const auto batch = [](std::int32_t a, std::int32_t b, std::int32_t c) {
        return std::vector<sequence>{{.tokens = {a}}, {.tokens = {b}}, {.tokens = {c}}};
      };
      sources.push_back(static_cast<double>(method.source(step, progress)));
      for (const sequence& s : method.sequences(
               step, progress, count,
               [&] {
                 const auto fixed = static_cast<std::int32_t>(1000 + step);
                 return batch(fixed, fixed, fixed);
               },
               [&] {
                 written += 3;
                 return batch(written - 3, written - 2, written - 1);
               }))
        chosen.push_back(s.tokens.front());
      if (step % 4 == 3) method.threshold.evaluated(loss(step));
      thresholds.push_back(method.threshold.value);
      const index size = method.replay.size();
      kept.push_back(static_cast<double>(size));
      kept.push_back(size == 0 ? -1 : method.replay[0].tokens.front());
      kept.push_back(size == 0 ? -1 : method.replay[size - 1].tokens.front());
    }
    CHECK(sources == wanted.at(name + "source"));
    CHECK(thresholds == wanted.at(name + "threshold"));
    CHECK(chosen == wanted.at(name + "chosen"));
    CHECK(kept == wanted.at(name + "kept"));
  }
}

TEST_CASE("distillm: published defaults") {
  const distillm<double> method;
  CHECK(method.threshold.value == 0);
  CHECK(method.threshold.step == 0.1);
  CHECK(method.threshold.tolerance == 0.1);
  CHECK(method.threshold.share == fresh_share::decreasing);
  CHECK(method.replay.capacity() == 1000);
  CHECK(distill::recipes::distillm_options{}.lambda == 0.1);
  CHECK(distill::recipes::distillm_options{}.kd_ratio == 1);
}

TEST_CASE("distillm: nonsense") {
  const auto said = [](const distill::recipes::distillm_options& o) {
    return message_of([&] { distillm<double>{o}; });
  };
  CHECK(said({.lambda = 1}) == "distill: distillm: lambda is 1, must lie in [0, 1)");
  CHECK(said({.kd_ratio = 1.5}) == "distill: distillm: kd_ratio is 1.5, must lie in [0, 1]");
  CHECK(said({.threshold = -1}) == "distill: generation_threshold: value is -1, must lie in [0, 1]");
  CHECK(said({.capacity = 0}) == "distill: replay_buffer: capacity is 0, must be at least 1");
  CHECK(said({.tolerance = NAN}) == "distill: generation_threshold: tolerance is nan, must be finite");

  course c;
  distillm<double> method, with_labels({.kd_ratio = 0.5});
  nn::tape<double> tape;
  lesson<double> l = c.at(0);
  l.teacher = {};
  CHECK(message_of([&] { method.record(tape, c.student, l); }) == "distill: teacher is empty, the objective needs it");
  l = c.at(0);
  l.classes = c.guesses;
  CHECK(message_of([&] { method.record(tape, c.student, l); }) ==
        "distill: distillm: classes has 40 entries, the student gives 10 rows");
  l = c.at(0);
  l.labels = {};
  CHECK(message_of([&] { with_labels.record(tape, c.student, l); }) ==
        "distill: labels are empty, the objective needs them");
  const auto none = [] { return std::vector<distillm<double>::sequence>{}; };
  CHECK(message_of([&] { method.sequences(0, 2, 1, none, none); }) ==
        "distill: generation_threshold: progress is 2, must lie in [0, 1]");
  distillm<double> small({.threshold = 1, .share = fresh_share::increasing, .capacity = 2});
  small.replay.push({}), small.replay.push({});
  CHECK(message_of([&] { small.sequences(0, 0, 3, none, none); }) ==
        "distill: replay_buffer: 3 sequences asked for, 2 are there");
}

}  // namespace recipe_tests
