// Every recipe of the catalogue, set up from a study: the one translation unit of these tests that replaces operator
// new.
#include <distill/nn/adam.hpp>
#include <distill/recipe/study.hpp>
#include <distill/recipe_catalogue.hpp>

#include <set>

#include "harness/counting_new.hpp"
#include "support.hpp"

namespace recipe_tests {
namespace {

using harness::allocations;

struct setting {
  course c;
  nn::network<double> teacher =
      nn::mlp<double>({.inputs = course::inputs, .hidden = {7}, .outputs = course::classes, .seed = 3});
  distill::study<double> study{
      .student = c.student,
      .teacher = teacher,
      .input = {1, course::inputs},
      .teacher_logits = c.teacher.view().matrix(),
      .teacher_features = c.features.view().matrix(),
      .classes = c.guesses,
      .unseen = [this] { return c.at(3); },
  };

  /// Two groups of a query, its document and three others, for Margin-MSE.
  template <class Recipe>
  lesson<double> first() const {
    lesson<double> result = c.at(0);
    result.progress = 0.5;
    if constexpr (std::is_same_v<Recipe, distill::recipes::margin_mse<double>>)
      result.teacher = {c.teacher.data(), 2, 4};
    return result;
  }
};

/// Losses of two dozen steps on the same lesson; what the last twenty asked of operator new.
template <class Recipe>
std::pair<std::vector<double>, long> course_of() {
  setting s;
  const auto method = distill::set_up<Recipe>(s.study);
  const auto learned = learned_by(*method, s.c.student);
  nn::adam<double> optimiser;
  nn::tape<double> tape;
  const lesson<double> first = s.first<Recipe>();
  std::vector<double> losses;
  losses.reserve(course::steps);
  long before = 0;
  for (index step = 0; step < course::steps; ++step) {
    if (step == 4) before = allocations;
    losses.push_back(learn(*method, s.c.student, learned, first, optimiser, 1e-2, tape));
  }
  return {losses, allocations - before};
}

}  // namespace

TEST_CASE("every recipe: set up by default, no allocation in a later step, the same bits again") {
  std::set<std::string_view> names;
  distill::recipe_catalogue<double>::each_type([&]<class Recipe>() {
    const distill::recipe_info& info = Recipe::info;
    CAPTURE(info.name);
    CHECK(names.insert(info.name).second);
    CHECK(!info.title.empty());
    CHECK(!info.idea.empty());
    CHECK(!info.source.empty());
    const auto [losses, asked] = course_of<Recipe>();
    CHECK(asked == 0);
    for (const double loss : losses) CHECK(std::isfinite(loss));
    CHECK(losses.back() < losses.front());
    CHECK(course_of<Recipe>() == std::pair(losses, 0L));
  });
}

TEST_CASE("a study says what is missing") {
  setting s;
  s.study.teacher_features = {};
  CHECK(message_of([&] { distill::set_up<distill::recipes::nd<double>>(s.study); }) ==
        "distill: study: teacher_features is 0 x 0, a row for each sample expected");
  s.study.teacher_logits = {};
  CHECK(message_of([&] { distill::set_up<distill::recipes::tgeo_kd<double>>(s.study); }) ==
        "distill: study: teacher_logits is 0 x 0, a row for each sample expected");
  CHECK(message_of([&] { distill::set_up<distill::recipes::hinton<double>>(s.study, {.temperature = 0}); }) ==
        "distill: hinton: temperature is 0, finite and above 0 expected");
}

}  // namespace recipe_tests
