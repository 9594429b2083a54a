#include "methods.hpp"

#include <algorithm>
#include <distill/recipe_catalogue.hpp>

namespace example {
namespace {

namespace recipes = distill::recipes;

/// The recipe in the given setting; `name`, `title` and `idea` are those of the setting, if it is not the published
/// one.
template <class Recipe>
known_method described(const typename Recipe::options& setting = {}, distill::recipe_info info = Recipe::info) {
  constexpr bool has_temperature = requires(typename Recipe::options o) { o.temperature = 1.0; };
  const auto at = [=](std::optional<double> temperature) {
    auto options = setting;
    if constexpr (has_temperature)
      if (temperature) options.temperature = *temperature;
    return teaching{.method =
                        [options](const distill::study<float>& s, std::uint64_t seed) {
                          auto own = options;
                          if constexpr (requires { own.seed; }) own.seed = seed;
                          if constexpr (requires { own.ratio.seed; }) own.ratio.seed = seed;
                          return distill::set_up<Recipe>(s, own);
                        },
                    .validates = info.validates};
  };
  return {.info = info, .teaching_at = at, .has_temperature = has_temperature};
}

/// Another setting of a recipe, to stand beside it.
template <class Recipe>
known_method variant(std::string_view name, std::string_view title, std::string_view idea,
                     const typename Recipe::options& setting) {
  distill::recipe_info info = Recipe::info;
  info.name = name;
  info.title = title;
  info.idea = idea;
  return described<Recipe>(setting, info);
}

}  // namespace

const std::vector<known_method>& methods() {
  static const std::vector<known_method> all = [] {
    std::vector<known_method> result;
    distill::recipe_catalogue<float>::each_type([&]<class Recipe>() {
      if constexpr (Recipe::info.classifier) result.push_back(described<Recipe>());
    });
    result.push_back(
        variant<recipes::bd_kd<float>>("bd_kd_even", "BD-KD, δ = 1", "the same without the balance", {.delta = 1}));
    // Of as many labels as the learned ratio has.
    result.push_back(variant<recipes::tgeo_kd<float>>("tgeo_fixed", "TGeo-KD, fixed α",
                                                      "the same with one ratio for all samples", {.fixed_ratio = 0.5}));
    std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.info.name < b.info.name; });
    return result;
  }();
  return all;
}

}  // namespace example
