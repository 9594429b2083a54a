// Recipes for classifiers beside independent implementations: tests/reference/recipes/*.py.
#include <distill/recipe/bd_kd.hpp>
#include <distill/recipe/hinton.hpp>
#include <distill/recipe/pld.hpp>
#include <distill/recipe/taid.hpp>

#include "support.hpp"

namespace recipe_tests {

namespace recipes = distill::recipes;

TEST_CASE("hinton follows PyTorch") {
  course c;
  recipes::hinton<double> method;
  follow("hinton", method, c);
}

TEST_CASE("pld follows PyTorch") {
  course c;
  recipes::pld<double> method;
  follow("pld", method, c);
}

/// What a recipe says of a lesson, without a step.
double loss_of(distill::recipe<double>& method, nn::network<double>& student, const lesson<double>& lesson) {
  nn::tape<double> tape;
  return method.record(tape, student, lesson);
}

TEST_CASE("pld: equal teachers' logits, one sample, a class that nobody has") {
  course c;
  lesson<double> one = c.at(0);
  one.input = {c.x.data(), {1, course::inputs}};
  const std::vector<double> logits = [&] {
    nn::tape<double> tape;
    const double* z = tape.value(c.student.forward(tape, tape.constant(one.input))).data;
    return std::vector(z, z + course::classes);
  }();
  const double teacher[] = {1, 2, 2, -INFINITY};
  const std::vector<int> label = {2};
  one.teacher = {teacher, 1, course::classes};
  one.classes = label;
  // The label, then by descending logit and ascending class: 2, 1, 0, and 3 without a weight.
  const double mass = 2 * std::exp(2.0) + std::exp(1.0);
  const auto term = [&](double weight, std::initializer_list<int> left) {
    double sum = 0;
    for (const int k : left) sum += std::exp(logits[std::size_t(k)]);
    return weight / mass * (std::log(sum) - logits[std::size_t(*left.begin())]);
  };
  recipes::pld<double> method;
  CHECK(loss_of(method, c.student, one) == doctest::Approx(term(std::exp(2.0), {2, 1, 0, 3}) +
                                                           term(std::exp(2.0), {1, 0, 3}) + term(std::exp(1.0), {0, 3}))
                                               .epsilon(1e-13));
  const std::vector<int> none = {4};
  one.classes = none;
  CHECK(message_of([&] { loss_of(method, c.student, one); }).find("labels[0] is 4") != std::string::npos);
}

TEST_CASE("taid follows PyTorch, its t with every step") {
  const auto takes = [](const char* name, const recipes::taid_options& options) {
    course c;
    recipes::taid<double> method(options);
    follow(name, method, c, {{"t", [&] { return std::vector{method.schedule().t()}; }}});
  };
  takes("taid", {.schedule = {.rate = 0.1, .momentum = 0.9}});
  takes("taid_labels", {.labels = 0.3});
  takes("taid_linear", {.schedule = {.first = 0.2, .last = 0.8, .adaptive = false}});
}

nn::network<double> second_network(index classes = course::classes) {
  nn::network<double> result = nn::mlp<double>({.inputs = course::inputs, .hidden = {7}, .outputs = classes});
  const auto parameters = result.parameters();
  for (std::size_t k = 0; k < parameters.size(); ++k) fill(parameters[k]->value(), static_cast<index>(k) + 21);
  return result;
}

TEST_CASE("bd_kd follows PyTorch, both networks") {
  course c;
  nn::network<double> teacher = second_network();
  recipes::bd_kd<double> method(teacher, {.delta = 3, .temperature = 2, .student = 0.7, .teacher = 0.4});
  CHECK(method.parameters() == teacher.parameters());
  follow("bd_kd", method, c);
}

TEST_CASE("bd_kd: neither network's loss moves the other") {
  const auto gradients = [](const recipes::bd_kd_options& options, bool of_student) {
    course c;
    nn::network<double> teacher = second_network();
    recipes::bd_kd<double> method(teacher, options);
    nn::tape<double> tape;
    method.record(tape, c.student, c.at(0));
    tape.backward();
    return nn::flat_gradients(of_student ? c.student.parameters() : teacher.parameters());
  };
  CHECK(gradients({.student = 0, .teacher = 5}, true) == gradients({.student = 0, .teacher = 0}, true));
  CHECK(gradients({.student = 5, .teacher = 0}, false) == gradients({.student = 0, .teacher = 0}, false));
  CHECK(gradients({.student = 5}, true) != gradients({.student = 0}, true));
  CHECK(gradients({.teacher = 5}, false) != gradients({.teacher = 0}, false));
}

TEST_CASE("bd_kd: with equal networks the divergences are nothing") {
  course c;
  nn::network<double> teacher = nn::mlp<double>({.inputs = 6, .hidden = {8, 5}, .outputs = 4});
  nn::assign_values(teacher.parameters(), nn::flat_values(c.student.parameters()));
  recipes::bd_kd<double> method(teacher);
  recipes::hinton<double> plain({.labels = 1, .distillation = 0});
  CHECK(loss_of(method, c.student, c.at(0)) == doctest::Approx(2 * loss_of(plain, c.student, c.at(0))).epsilon(1e-14));
}

TEST_CASE("taid_schedule follows a trace of sixty losses") {
  const auto wanted = recorded("taid_schedule");
  distill::taid_schedule schedule({.rate = 0.05, .momentum = 0.9});
  std::vector<double> t, m;
  for (std::size_t step = 0; step < 60; ++step) {
    schedule.update(wanted.at("loss")[step], static_cast<double>(step) / 60);
    t.push_back(schedule.t());
    m.push_back(schedule.trend());
  }
  CHECK(apart(t, wanted.at("t")) <= 1e-15);
  CHECK(apart(m, wanted.at("m")) <= 1e-15);
  CHECK(std::is_sorted(t.begin(), t.end()));
}

TEST_CASE("taid_schedule by hand: the first loss, the end, losses that are none") {
  distill::taid_schedule schedule({.first = 0, .last = 0.75, .rate = 1, .momentum = 0});
  schedule.update(4, 0.5);  // is only remembered
  CHECK(schedule.t() == 0);
  schedule.update(4, 0);  // m = 0: half of the way to 1
  CHECK(schedule.t() == 0.5);
  const distill::taid_schedule saved = schedule;
  schedule.update(std::nan(""), 0);
  schedule.update(INFINITY, 0);
  CHECK(schedule.t() == 0.5);
  schedule.update(4, 0);  // would be 0.75 …
  CHECK(schedule.t() == 0.75);
  schedule.update(2, 0);  // … which is the end
  CHECK(schedule.t() == 0.75);
  schedule = saved;
  schedule.update(1, 0);
  CHECK(schedule.trend() == doctest::Approx(0.75).epsilon(1e-14));
  distill::taid_schedule still({.first = 0.5, .rate = 1, .momentum = 0.5});  // the loss before was 0
  for (const double loss : {0.0, 1.0}) still.update(loss, 0);
  CHECK(still.t() == 0.5);
  distill::taid_schedule line({.first = 0.5, .adaptive = false});
  for (const double progress : {0.0, 0.5, 0.25}) line.update(1, progress);
  CHECK(line.t() == 0.75);  // never falls
}

TEST_CASE("taid at t = 0 has no gradient, whatever the teacher masks") {
  course c;
  for (index i = 0; i < course::samples; ++i) c.teacher.data()[i * course::classes + i % course::classes] = -INFINITY;
  recipes::taid<double> method({.schedule = {.first = 0, .last = 0}});
  const auto before = nn::flat_values(c.student.parameters());
  nn::sgd<double> optimiser;
  nn::tape<double> tape;
  CHECK(distill::learn(method, c.student, c.student.parameters(), c.at(0), optimiser, 1.0, tape) > 0);
  CHECK(apart(nn::flat_values(c.student.parameters()), before) <= 1e-15);
}

TEST_CASE("what cannot be meant is said at once") {
  CHECK(message_of([] { recipes::hinton<float>({.temperature = 0}); }) ==
        "distill: hinton: temperature is 0, finite and above 0 expected");
  CHECK(message_of([] { recipes::hinton<float>({.labels = -1}); }) ==
        "distill: hinton: labels is -1, finite and at least 0 expected");
  CHECK(message_of([] { recipes::hinton<float>({.distillation = INFINITY}); }) ==
        "distill: hinton: distillation is inf, finite and at least 0 expected");
  CHECK(message_of([] {
          nn::network<double> teacher = second_network();
          recipes::bd_kd<double>(teacher, {.delta = 0.5});
        }) == "distill: bd_kd: delta is 0.5, finite and at least 1 expected");
  CHECK(message_of([] {
          course c;
          nn::network<double> teacher = second_network(3);
          recipes::bd_kd<double> method(teacher);
          loss_of(method, c.student, c.at(0));
        }) == "distill: bd_kd: the teacher gives 10×3, 10×4 expected, as the student");
  CHECK(message_of([] { recipes::taid<float>({.labels = -2}); }) ==
        "distill: taid: labels is -2, finite and at least 0 expected");
  CHECK(message_of([] { recipes::taid<float>({.schedule = {.first = 0.9, .last = 0.8}}); }) ==
        "distill: taid_schedule: first and last are 0.9 and 0.8, 0 <= first <= last <= 1 expected");
  CHECK(message_of([] { recipes::taid<float>({.schedule = {.rate = -1}}); }) ==
        "distill: taid_schedule: rate is -1, finite and at least 0 expected");
  CHECK(message_of([] { recipes::taid<float>({.schedule = {.momentum = 1}}); }) ==
        "distill: taid_schedule: momentum is 1, at least 0 and below 1 expected");
  CHECK(message_of([] { distill::taid_schedule().update(1, 1.5); }) ==
        "distill: taid_schedule: progress is 1.5, 0 to 1 expected");
}

/// What a step says of a lesson of the course without one of its parts.
template <class Missing>
std::string without(distill::recipe<double>& method, const Missing& missing) {
  course c;
  lesson<double> lacking = c.at(0);
  missing(lacking);
  nn::tape<double> tape;
  return message_of([&] { method.record(tape, c.student, lacking); });
}
void no_teacher(lesson<double>& l) { l.teacher = {}; }
void no_labels(lesson<double>& l) { l.labels = {}; }
void no_classes(lesson<double>& l) { l.classes = {}; }

TEST_CASE("a lesson without what a recipe needs") {
  recipes::hinton<double> hinton;
  CHECK(without(hinton, no_teacher) == "distill: teacher is empty, the objective needs it");
  CHECK(without(hinton, no_labels) == "distill: labels are empty, the objective needs them");
  CHECK(without(hinton, no_classes) == "no error");
  recipes::pld<double> pld;
  CHECK(without(pld, no_teacher) == "distill: teacher is empty, the objective needs it");
  CHECK(without(pld, no_classes) == "distill: pld: the lesson's classes have 0 entries, 10 expected");
  recipes::taid<double> taid;
  CHECK(without(taid, no_teacher) == "distill: teacher is empty, the objective needs it");
  CHECK(without(taid, no_labels) == "no error");
}

}  // namespace recipe_tests
