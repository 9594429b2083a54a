// OFA-KD, whose exits learn along, and what recipes make of maps and of tokens.
#include <distill/nn/model/lenet.hpp>
#include <distill/nn/model/vision_transformer.hpp>
#include <distill/recipe/nd.hpp>
#include <distill/recipe/ofa_kd.hpp>

#include "support.hpp"

namespace recipe_tests {
namespace {

namespace recipes = distill::recipes;

TEST_CASE("ofa_kd follows PyTorch, exits on both stages") {
  course paper, code;
  recipes::ofa_kd<double> method(paper.student, {1, course::inputs});
  number_own(method);
  CHECK(method.parameters().front()->name == "exit1.linear.weight");
  follow("ofa_kd", method, paper, {}, 0.02);
  recipes::ofa_kd<double> other(
      code.student, {1, course::inputs},
      {.labels = 0.5, .distillation = 1.5, .exits = 0.7, .gamma = {0.8, 1.1, 1.5}, .form = distill::ofa_form::code});
  number_own(other);
  follow("ofa_kd_code", other, code, {}, 0.02);
}

/// A step of two images of 12 × 12 in three classes: what it says of maps and of tokens.
template <class Method>
double step_on_images(nn::network<double>& student, Method& method, std::vector<nn::parameter<double>*>& learned) {
  const nn::tensor<double> x = filled({4, 1, 12, 12}, 3), teacher = filled({4, 3}, 4, 2), feature = filled({4, 6}, 5);
  const std::vector<int> classes = {0, 2, 1, 1};
  learned = distill::learned_by(method, student);
  nn::zero_gradients(learned);
  nn::tape<double> tape;
  const double loss = method.record(tape, student,
                                    {.input = x.view(),
                                     .labels = classes,
                                     .classes = classes,
                                     .teacher = teacher.view().matrix(),
                                     .teacher_feature = feature.view().matrix(),
                                     .progress = 0.5});
  tape.backward();
  return loss;
}
bool all_moved(const std::vector<nn::parameter<double>*>& learned) {
  for (const nn::parameter<double>* p : learned) {
    const double* g = p->gradient().data;
    CAPTURE(p->name);
    CHECK(std::all_of(g, g + p->size(), [](double v) { return std::isfinite(v); }));
    if (std::all_of(g, g + p->size(), [](double v) { return v == 0; })) return false;
  }
  return true;
}

TEST_CASE("ofa_kd and nd on maps and on tokens") {
  std::vector<nn::parameter<double>*> learned;
  nn::network<double> maps = nn::lenet<double>({.height = 12, .width = 12, .widths = {2, 3}, .outputs = 3, .seed = 1});
  nn::network<double> tokens = nn::vision_transformer<double>({.height = 12,
                                                               .width = 12,
                                                               .patch = 4,
                                                               .features = 8,
                                                               .heads = 2,
                                                               .hidden = 8,
                                                               .blocks = 1,
                                                               .outputs = 3,
                                                               .seed = 1});
  for (nn::network<double>* student : {&maps, &tokens}) {
    CAPTURE(student->name);
    recipes::ofa_kd<double> exits(*student, {1, 1, 12, 12}, {.teacher_width = 4, .heads = 2});
    CHECK(std::isfinite(step_on_images(*student, exits, learned)));
    CHECK(learned.size() > student->parameters().size());
    CHECK(all_moved(learned));
    distill::class_means<double> means(3, 6);
    means.add(filled({3, 6}, 9).view().matrix(), std::vector{0, 1, 2});
    recipes::nd<double> direction(*student, {1, 1, 12, 12}, means);
    CHECK(std::isfinite(step_on_images(*student, direction, learned)));
    CHECK(learned.size() == student->parameters().size() + 4);
  }
}

TEST_CASE("ofa_kd: what cannot be meant, what is missing") {
  course c;
  const nn::tensor_shape input{1, course::inputs};
  const auto ofa = [&](const recipes::ofa_kd_options& options) {
    return message_of([&] { recipes::ofa_kd<double>(c.student, input, options); });
  };
  CHECK(ofa({.gamma = {1, 1}}) == "distill: ofa_kd: gamma has 2 entries, 1 or 3 expected");
  CHECK(ofa({.gamma = {0}}) == "distill: ofa_kd: gamma is 0, finite and above 0 expected");
  CHECK(ofa({.stages = {2}}) == "distill: ofa_kd: stage is 2, 0 to 1 expected");
  CHECK(ofa({.exits = -1}) == "distill: ofa_kd: exits is -1, finite and at least 0 expected");
  CHECK(message_of([&] { recipes::ofa_kd<double>(c.student, {1, 7}); }).find("input is 1×7") != std::string::npos);
  recipes::ofa_kd<double> method(c.student, input);
  const auto without = [&](const lesson<double>& lacking) {
    nn::tape<double> tape;
    return message_of([&] { method.record(tape, c.student, lacking); });
  };
  lesson<double> lacking = c.at(0);
  lacking.classes = {};
  CHECK(without(lacking) == "distill: ofa_kd: the lesson's classes have 0 entries, 10 expected");
  lacking = c.at(0);
  lacking.teacher = {};
  CHECK(without(lacking) == "distill: teacher is empty, the objective needs it");
}

}  // namespace
}  // namespace recipe_tests
