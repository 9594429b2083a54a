// Recipes for classifiers that compare batches or features, beside independent implementations.
#include <distill/recipe/cmkd.hpp>
#include <distill/recipe/nd.hpp>
#include <distill/recipe/sinkd.hpp>

#include "support.hpp"

namespace recipe_tests {
namespace {

namespace recipes = distill::recipes;

distill::class_means<double> class_means_of(const course& c) {
  distill::class_means<double> means(course::classes, course::feature);
  means.add({c.features.data(), course::samples, course::feature}, c.guesses);
  return means;
}
double loss_of(distill::recipe<double>& method, nn::network<double>& student, const lesson<double>& lesson) {
  nn::tape<double> tape;
  return method.record(tape, student, lesson);
}

TEST_CASE("sinkd follows PyTorch through all iterations") {
  course sum, mean;
  recipes::sinkd<double> published;
  follow("sinkd", published, sum);
  recipes::sinkd<double> averaged({.alpha = 0.5, .beta = 2, .transport = {.scale = 1, .mean = true}});
  follow("sinkd_mean", averaged, mean);
}

TEST_CASE("cmkd follows PyTorch, soft ranks from their definition") {
  course plain, intra;
  recipes::cmkd<double> method({.correlation = 1.5});
  follow("cmkd", method, plain);
  recipes::cmkd<double> with_intra({.intra = 0.5, .temperature = 2, .pearson = 0.25});
  follow("cmkd_intra", with_intra, intra);
}

TEST_CASE("cmkd: a teacher that says nothing") {
  course c;
  c.teacher.fill(3);  // w = 0, constant rows: ρ is 0
  recipes::cmkd<double> method({.labels = 0});
  CHECK(loss_of(method, c.student, c.at(0)) == doctest::Approx(1).epsilon(1e-14));
}

TEST_CASE("nd follows PyTorch, with and without a projector") {
  course c;
  recipes::nd<double> method(c.student, {1, course::inputs}, class_means_of(c), {.factor = 2, .warm_up = 0.5});
  CHECK(method.parameters().empty());
  follow("nd", method, c);

  course wide;
  wide.student = nn::mlp<double>({.inputs = course::inputs, .hidden = {8, 7}, .outputs = course::classes});
  const auto parameters = wide.student.parameters();
  for (std::size_t k = 0; k < parameters.size(); ++k) fill(parameters[k]->value(), static_cast<index>(k) + 1);
  recipes::nd<double> projected(wide.student, {1, course::inputs}, class_means_of(wide), {.dropout = 0});
  number_own(projected);
  CHECK(projected.parameters()[2]->name == "projector.linear.weight");
  follow("nd_projector", projected, wide);
}

TEST_CASE("nd: classes that were never seen, features of nothing") {
  course c;
  recipes::nd<double> method(c.student, {1, course::inputs}, {course::classes, course::feature},
                             {.labels = 0, .distillation = 0, .factor = 3});
  CHECK(loss_of(method, c.student, c.at(0)) == 3);
  recipes::nd<double> seen(c.student, {1, course::inputs}, class_means_of(c), {.labels = 0, .distillation = 0});
  c.features.fill(0);
  nn::zero_gradients(c.student.parameters());
  for (nn::parameter<double>* p : c.student.parameters()) std::fill_n(p->value().data, p->size(), 0.0);
  CHECK(loss_of(seen, c.student, c.at(0)) == 1);
}

TEST_CASE("what cannot be meant is said at once, with features") {
  course c;
  const nn::tensor_shape input{1, course::inputs};
  const auto nd = [&](index classes, const recipes::nd_options& options) {
    return message_of([&] {
      recipes::nd<double>(c.student, input, distill::class_means<double>(classes, course::feature), options);
    });
  };
  CHECK(nd(3, {}) == "distill: nd: the class means are of 3 classes, 4 expected");
  CHECK(nd(4, {.warm_up = 20}) == "distill: nd: warm_up is 20, 0 to 1 expected");
  CHECK(nd(4, {.temperature = -1}) == "distill: nd: temperature is -1, finite and above 0 expected");
  CHECK(message_of([] { recipes::sinkd<float>({.alpha = 1.5}); }) == "distill: sinkd: alpha is 1.5, 0 to 1 expected");
  CHECK(message_of([] { recipes::sinkd<float>({.transport = {.epsilon = 0}}); }) ==
        "distill: sinkd: transport.epsilon is 0, finite and above 0 expected");
  CHECK(message_of([] { recipes::cmkd<float>({.pearson = -0.5}); }) ==
        "distill: cmkd: pearson is -0.5, 0 to 1 expected");
}

TEST_CASE("a lesson without what a recipe needs, with features") {
  course c;
  recipes::nd<double> nd(c.student, {1, course::inputs}, class_means_of(c));
  recipes::sinkd<double> sinkd;
  recipes::cmkd<double> cmkd;
  lesson<double> lacking = c.at(0);
  lacking.teacher_feature = {};
  CHECK(message_of([&] { loss_of(nd, c.student, lacking); }) ==
        "distill: nd: the lesson's teacher_feature is empty, batch×5 expected");
  lacking = c.at(0);
  lacking.classes = {};
  CHECK(message_of([&] { loss_of(nd, c.student, lacking); }) ==
        "distill: nd: the lesson's classes have 0 entries, 10 expected");
  lacking = c.at(0);
  lacking.progress = -1;
  CHECK(message_of([&] { loss_of(nd, c.student, lacking); }) ==
        "distill: nd: the lesson's progress is -1, 0 to 1 expected");
  lacking = c.at(0);
  lacking.teacher = {};
  CHECK(message_of([&] { loss_of(sinkd, c.student, lacking); }) == "distill: teacher is empty, the objective needs it");
  CHECK(message_of([&] { loss_of(cmkd, c.student, lacking); }) ==
        "distill: cmkd: the lesson's teacher is empty, 10×4 expected");
}

TEST_CASE("a lesson that does not fit leaves nothing behind for the next") {
  course c, other;
  recipes::cmkd<double> method, fresh;
  nn::tape<double> tape, clean;
  const auto learned = distill::learned_by(method, c.student), expected = distill::learned_by(fresh, other.student);
  nn::sgd<double> optimiser;
  lesson<double> short_one = c.at(0);
  short_one.teacher.rows = 9;
  CHECK(message_of([&] { distill::learn(method, c.student, learned, short_one, optimiser, 0.1, tape); }) != "no error");
  distill::learn(method, c.student, learned, c.at(1), optimiser, 0.1, tape);
  distill::learn(fresh, other.student, expected, other.at(1), optimiser, 0.1, clean);
  CHECK(nn::flat_values(learned) == nn::flat_values(expected));
}

TEST_CASE("cmkd takes finite logits") {
  course c;
  c.teacher.data()[5] = -INFINITY;
  recipes::cmkd<double> method;
  nn::tape<double> tape;
  CHECK(message_of([&] { method.record(tape, c.student, c.at(0)); }) ==
        "distill: cmkd: teacher(1, 1) is -inf, finite logits expected");
}

}  // namespace
}  // namespace recipe_tests
