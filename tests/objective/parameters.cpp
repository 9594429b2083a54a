// What a caller can leave out or get wrong: default values, ranges, labels that do not count.
#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <string>

#include <distill/catalogue.hpp>

namespace {

using namespace distill;
using distill::index;  // not that of <strings.h>

/// What the parts of an objective say of its parameters; empty when they are accepted.
template <class Objective>
std::string complaint(const Objective& objective) {
  try {
    as_sum(objective).each([](auto, const auto& item) {
      if constexpr (requires { item.leaf.validate(1); }) item.leaf.validate(1);
    });
  } catch (const argument_error& error) {
    return error.what();
  }
  return "";
}

/// `inside` are accepted, `outside` refused by the names of objective and parameter.
template <class Set>
void range(const std::string& name, std::initializer_list<double> inside, std::initializer_list<double> outside,
           const Set& set) {
  CAPTURE(name);
  for (const double x : inside) {
    CAPTURE(x);
    CHECK(complaint(set(x)) == "");
  }
  for (const double x : outside) {
    CAPTURE(x);
    CHECK(complaint(set(x)).find("distill: " + name + " is ") == 0);
  }
}

template <class Objective>
void labels_that_count(const Objective& objective, index ignored) {
  CAPTURE(std::string(Objective::info.name));
  int asked = 0, checked = 0;
  as_sum(objective).each([&](auto, const auto& item) {
    if constexpr (requires { item.leaf.counts(0); }) {
      ++asked;
      for (const index label : {0, 1, -1, -99, -100, -101}) CHECK(item.leaf.counts(label) == (label != ignored));
    }
    if constexpr (requires { item.leaf.validate_label(0, 0, 4); }) {
      ++checked;
      for (const index label : {index(0), index(3), ignored}) CHECK_NOTHROW(item.leaf.validate_label(0, label, 4));
      for (const index label : {index(-1), index(4), ignored - 1})
        CHECK_THROWS_AS(item.leaf.validate_label(0, label, 4), argument_error);
    }
  });
  CHECK(asked > 0);
  CHECK(checked > 0);
}

constexpr double none = INFINITY, tiny = 1e-300;
const double not_a_number = std::nan("");

TEST_CASE("ranges of the parameters, ends included") {
  range("adaptive_kl: head_mass", {0, 0.5, 1}, {-tiny, 1.001, not_a_number}, [](double x) { return adaptive_kl{x}; });
  range("alpha_beta: alpha", {-2, 0, 3}, {none, -none, not_a_number}, [](double x) { return alpha_beta{x, 1}; });
  range("alpha_beta: beta", {-2, 0, 3}, {none, -none, not_a_number}, [](double x) { return alpha_beta{1, x}; });
  range("amari_alpha: alpha", {-2, 0, 3}, {none, not_a_number}, [](double x) { return amari_alpha{x}; });
  range("bd_kd: delta", {tiny, 2}, {0, -1, none, not_a_number}, [](double x) { return bd_kd{x}; });
  range("beta_divergence: beta", {0, 2}, {-tiny, none, not_a_number}, [](double x) { return beta_divergence{x}; });
  range("cross_entropy: label_smoothing", {0, 1}, {-tiny, 1.001, not_a_number},
        [](double x) { return cross_entropy{x}; });
  range("focal: gamma", {0, 2}, {-tiny, none, not_a_number}, [](double x) { return focal{x}; });
  range("jensen_shannon: beta", {0, 1}, {-tiny, 1.001, not_a_number}, [](double x) { return jensen_shannon{x}; });
  range("ofa: gamma", {tiny, 2}, {0, -1, none, not_a_number}, [](double x) { return ofa{x}; });
  range("ps_kd: alpha", {0, 1}, {-tiny, 1.001, not_a_number}, [](double x) { return ps_kd{x}; });
  range("renyi: alpha", {tiny, 2}, {0, -1, none, not_a_number}, [](double x) { return renyi{x}; });
  range("skew_kl: lambda", {0, 0.999}, {-tiny, 1, not_a_number}, [](double x) { return skew_kl{x}; });
  range("skew_reverse_kl: lambda", {0, 0.999}, {-tiny, 1, not_a_number}, [](double x) { return skew_reverse_kl{x}; });
  range("taid: t", {0, 1}, {-tiny, 1.001, not_a_number}, [](double x) { return taid{x}; });
  range("top_k_reverse_kl: log_floor", {-20, 0}, {-none, not_a_number}, [](double x) { return top_k_reverse_kl{x}; });
  range("tsallis: alpha", {tiny, 2}, {0, -1, none, not_a_number}, [](double x) { return tsallis{x}; });
  range("uld: head", {0, 1}, {-1}, [](double x) { return uld{static_cast<index>(x)}; });
  CHECK(ps_kd::share(0, 1) == doctest::Approx(0.8));
  CHECK_THROWS_AS(ps_kd::share(0, 0), argument_error);
}

TEST_CASE("default parameters are those of the papers") {
  catalogue::each([](const auto& objective) {
    using objective_type = std::remove_cvref_t<decltype(objective)>;
    CAPTURE(std::string(objective_type::info.name));
    if constexpr (requires { objective.temperature; }) {
      const bool warm = std::is_same_v<objective_type, dkd>, mild = std::is_same_v<objective_type, wsl>;
      CHECK(objective.temperature[0] == (warm ? 4 : mild ? 2 : 1));
    }
    if constexpr (requires { objective.ignore_index; }) {
      auto asking = objective;
      if constexpr (requires { asking.pairs = rank_pairs::label_first; }) asking.pairs = rank_pairs::label_first;
      labels_that_count(asking, -100);
    }
  });
  CHECK(adaptive_kl{}.head_mass == 0.5);
  CHECK((alpha_beta{}.alpha == 0.2 && alpha_beta{}.beta == 0.7));
  CHECK(amari_alpha{}.alpha == 0.5);
  CHECK(bd_kd{}.delta == 2);
  CHECK(beta_divergence{}.beta == 1);
  CHECK(cross_entropy{}.label_smoothing == 0);
  CHECK((dac_kl{}.lower[0] == 0 && dac_kl{}.upper[0] == 1));
  CHECK((dkd{}.alpha == 1 && dkd{}.beta == 8));
  CHECK(focal{}.gamma == 2);
  CHECK(jensen_shannon{}.beta == 0.5);
  CHECK(lpld{}.background == -1);
  CHECK(multi_level_kl{}.temperatures == std::array<double, 5>{4, 3, 5, 2, 6});
  CHECK(nkd{}.gamma == 1.5);
  CHECK(ofa{}.gamma == 1);
  CHECK(ps_kd{}.alpha == 0.8);
  CHECK(renyi{}.alpha == 0.5);
  CHECK((skew_kl{}.lambda == 0.1 && skew_reverse_kl{}.lambda == 0.1));
  CHECK(taid{}.t == 0.4);
  CHECK(top_k_reverse_kl{}.log_floor == -20);
  CHECK(tsallis{}.alpha == 0.5);
  CHECK(uld{}.head == 0);
}

TEST_CASE("another label may be the one that does not count") {
  labels_that_count(cross_entropy{.ignore_index = -99}, -99);
  labels_that_count(focal{.ignore_index = -99}, -99);
  labels_that_count(dkd{.ignore_index = -99}, -99);
  labels_that_count(nkd{.ignore_index = -99}, -99);
  labels_that_count(ofa{.ignore_index = -99}, -99);
  labels_that_count(ps_kd{.ignore_index = -99}, -99);
  labels_that_count(wsl{.ignore_index = -99}, -99);
}

}  // namespace
