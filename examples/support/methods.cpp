#include "methods.hpp"

#include <distill/recipe/bd_kd.hpp>
#include <distill/recipe/cmkd.hpp>
#include <distill/recipe/distillm.hpp>
#include <distill/recipe/hinton.hpp>
#include <distill/recipe/nd.hpp>
#include <distill/recipe/ofa_kd.hpp>
#include <distill/recipe/pld.hpp>
#include <distill/recipe/sinkd.hpp>
#include <distill/recipe/taid.hpp>
#include <distill/recipe/tgeo_kd.hpp>
#include <distill/state/add_probabilities.hpp>

namespace example {
namespace {

namespace recipes = distill::recipes;

/// make(study, options) returns a recipe; `temperature` points to the option that a flag may change, or is nothing.
template <class Recipe, class Options, class Make>
known_method described(const Options& published, double Options::*temperature, const Make& make, bool unseen = false) {
  return {.info = Recipe::info,
          .teaching_at =
              [=](std::optional<double> given) {
                Options options = published;
                if (given && temperature) options.*temperature = *given;
                return teaching{.method = [=](const study& s) { return make(s, options); }, .unseen = unseen};
              },
          .has_temperature = temperature != nullptr};
}
/// A recipe that is made of its options alone.
template <class Recipe, class Options>
known_method described(const Options& published = {}, double Options::*temperature = nullptr) {
  return described<Recipe>(published, temperature,
                           [](const study&, const Options& o) { return std::make_unique<Recipe>(o); });
}

distill::class_means<float> feature_means(const study& s) {
  distill::class_means<float> means(classes_of_images, s.teacher_width);
  means.add({s.said.features.data(), std::ssize(s.said.classes), s.teacher_width}, s.said.classes);
  return means;
}
distill::class_means<float> probability_means(const study& s) {
  distill::class_means<float> means(classes_of_images, classes_of_images);
  add_probabilities(means, as_matrix(s.said.logits), s.said.classes);
  return means;
}

}  // namespace

const std::vector<known_method>& methods() {
  static const std::vector<known_method> all{
      described<recipes::hinton<float>>(recipes::hinton_options{}, &recipes::hinton_options::temperature),
      described<recipes::bd_kd<float>>(
          recipes::bd_kd_options{}, &recipes::bd_kd_options::temperature,
          [](const study& s, const auto& o) { return std::make_unique<recipes::bd_kd<float>>(s.teacher, o); }),
      described<recipes::pld<float>, distill::pld>(),
      described<recipes::sinkd<float>>(recipes::sinkd_options{}, &recipes::sinkd_options::temperature),
      described<recipes::tgeo_kd<float>>(
          recipes::tgeo_kd_options{}, &recipes::tgeo_kd_options::temperature,
          [](const study& s, auto o) {
            o.ratio.seed = s.seed;
            return std::make_unique<recipes::tgeo_kd<float>>(o, probability_means(s).means(), s.unseen);
          },
          true),
      described<recipes::cmkd<float>>(recipes::cmkd_options{}, &recipes::cmkd_options::temperature),
      described<recipes::ofa_kd<float>>(recipes::ofa_kd_options{}, &recipes::ofa_kd_options::temperature,
                                        [](const study& s, auto o) {
                                          o.teacher_width = s.teacher_width;
                                          o.seed = s.seed;
                                          return std::make_unique<recipes::ofa_kd<float>>(s.student, s.input, o);
                                        }),
      described<recipes::distillm<float>, recipes::distillm_options>(),
      described<recipes::taid<float>, recipes::taid_options>(),
      described<recipes::nd<float>>(recipes::nd_options{}, &recipes::nd_options::temperature,
                                    [](const study& s, auto o) {
                                      o.seed = s.seed;
                                      return std::make_unique<recipes::nd<float>>(s.student, s.input, feature_means(s),
                                                                                  o);
                                    }),
  };
  return all;
}

}  // namespace example
