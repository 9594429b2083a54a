// Features that a test owns, the library's answer to them, what must hold of it, and what it must be.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <distill/core/random.hpp>
#include <distill/pair/evaluate.hpp>

#include "harness/message.hpp"
#include "harness/reference.hpp"

namespace harness {

using distill::feature_shape;
using distill::feature_stack;
using distill::index;

/// The inputs of a pair objective by position; the last two are empty unless it has two stages.
enum pair_input : std::size_t { student_input, teacher_input, student_next_input, teacher_next_input, pair_inputs };
inline constexpr const char* pair_input_names[] = {"student", "teacher", "student_next", "teacher_next"};

/// Items of dense row-major matrices, one set for each input; tests change them as they like.
template <class T>
struct feature_problem {
  index items = 1;
  std::array<feature_shape, pair_inputs> shape{};
  std::array<std::vector<T>, pair_inputs> data{};

  std::size_t size(std::size_t input) const { return static_cast<std::size_t>(items * shape[input].size()); }
  T& at(std::size_t input, index row, index column, index item = 0) {
    return data[input][static_cast<std::size_t>(item * shape[input].size() + row * shape[input].columns + column)];
  }
};

template <class T>
feature_stack<T> stack_of(T* data, index items, const feature_shape& shape) {
  return {data, items, shape, shape.columns, 1, 1, {shape.size(), 0}};
}

template <class T>
distill::feature_pair<T> inputs_of(const feature_problem<T>& p) {
  const auto stack = [&](std::size_t i) { return stack_of<const T>(p.data[i].data(), p.items, p.shape[i]); };
  return {stack(0), stack(1), stack(2), stack(3), {}};
}

template <class T>
struct feature_answer {
  double value = 0;
  std::array<std::vector<T>, pair_inputs> gradient{};
};

/// Value and all gradients, which must be written everywhere: they begin as a number that no test expects.
template <class Objective, class T>
feature_answer<T> solve(const Objective& objective, const feature_problem<T>& p,
                        const distill::pair_options& options = {}) {
  feature_answer<T> result;
  distill::feature_gradients<T> out;
  for (std::size_t i = 0; i < pair_inputs; ++i) result.gradient[i].assign(p.size(i), T(12345));
  const auto stack = [&](std::size_t i) {
    return p.size(i) == 0 ? feature_stack<T>() : stack_of<T>(result.gradient[i].data(), p.items, p.shape[i]);
  };
  out = {stack(0), stack(1), stack(2), stack(3)};
  result.value = distill::value_and_gradient(objective, inputs_of(p), out, options);
  return result;
}

template <class T>
feature_problem<T> random_features(const std::array<feature_shape, pair_inputs>& shape, index items,
                                   std::uint64_t seed) {
  feature_problem<T> p{items, shape, {}};
  for (std::size_t i = 0; i < pair_inputs; ++i) {
    const distill::random_stream random(seed, i);
    for (std::size_t k = 0; k < p.size(i); ++k)
      p.data[i].push_back(static_cast<T>(std::round(64 * random.normal(k)) / 64));
  }
  return p;
}

/// The largest difference over the largest number of `expected`, or over `least` where that is larger.
template <class A, class B>
double relative_distance(const std::vector<A>& got, const std::vector<B>& expected, double least = 1e-300) {
  double most = least, worst = got.size() == expected.size() ? 0 : INFINITY;
  for (const B x : expected) most = std::max(most, std::abs(static_cast<double>(x)));
  for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
    const double d = std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
    worst = std::max(worst, std::isnan(d) ? INFINITY : d);
  }
  return worst == 0 ? 0 : worst / most;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](T x, T y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}
template <class T>
bool same_bits(const feature_answer<T>& a, const feature_answer<T>& b) {
  if (!same_bits(std::vector<double>{a.value}, std::vector<double>{b.value})) return false;
  for (std::size_t i = 0; i < pair_inputs; ++i)
    if (!same_bits(a.gradient[i], b.gradient[i])) return false;
  return true;
}

/// Central differences of the value at every entry of every input, in double.
template <class Objective>
void features_have_the_value_s_slopes(const Objective& objective, feature_problem<double> p, double tolerance) {
  const auto answer = solve(objective, p);
  for (std::size_t i = 0; i < pair_inputs; ++i) {
    std::vector<double> slopes;
    for (double& x : p.data[i]) {
      const double kept = x, step = 1e-5;
      x = kept + step;
      const double above = distill::value(objective, inputs_of(p));
      x = kept - step;
      const double below = distill::value(objective, inputs_of(p));
      x = kept;
      slopes.push_back((above - below) / (2 * step));
    }
    INFO("input " << std::string(pair_input_names[i]));
    CHECK(relative_distance(answer.gradient[i], slopes) <= tolerance);
  }
}

/// A float for every number of a problem in double, and their answers near.
template <class Objective>
void float_is_near_double(const Objective& objective, const feature_problem<double>& p, double tolerance) {
  feature_problem<float> rounded{p.items, p.shape, {}};
  for (std::size_t i = 0; i < pair_inputs; ++i)
    for (const double x : p.data[i]) rounded.data[i].push_back(static_cast<float>(x));
  const auto expected = solve(objective, p);
  const auto got = solve(objective, rounded);
  CHECK(got.value == doctest::Approx(expected.value).epsilon(tolerance));
  for (std::size_t i = 0; i < pair_inputs; ++i) {
    INFO("input " << std::string(pair_input_names[i]));
    CHECK(relative_distance(got.gradient[i], expected.gradient[i]) <= tolerance);
  }
}

template <class T, class Objective>
void calls_agree(const Objective& objective, const feature_problem<T>& p) {
  const auto expected = solve(objective, p);
  CHECK(distill::value(objective, inputs_of(p)) == expected.value);
  for (const int threads : {2, 3, 0}) {
    CAPTURE(threads);
    CHECK(same_bits(solve(objective, p, {.execution = {.threads = threads}}), expected));
  }
  // One gradient alone; the student's, added to what is there, with an upstream factor.
  std::vector<T> alone(p.size(0), T(0.25));
  distill::feature_gradients<T> out;
  out.student = stack_of<T>(alone.data(), p.items, p.shape[0]);
  distill::value_and_gradient(objective, inputs_of(p), out, {.upstream = -2, .store = distill::store_mode::accumulate});
  std::vector<T> sum;
  for (const T g : expected.gradient[0]) sum.push_back(T(0.25) + T(-2) * g);
  CHECK(relative_distance(alone, sum) <= 8 * static_cast<double>(std::numeric_limits<T>::epsilon()));
  // Column-major memory, and rows with gaps.
  for (const bool turned : {false, true}) {
    std::array<std::vector<T>, pair_inputs> memory, gradient;
    const auto laid_out = [&](auto& where, std::size_t i) {
      const feature_shape& s = p.shape[i];
      const index gap = turned ? s.rows + 1 : s.columns + 3, lines = turned ? s.columns : s.rows;
      where.assign(static_cast<std::size_t>(p.items * gap * lines), T(777));
      using element = typename std::remove_reference_t<decltype(where)>::value_type;
      return feature_stack<element>(where.data(), p.items, s, turned ? 1 : gap, turned ? gap : 1, 1, {gap * lines, 0});
    };
    std::array<feature_stack<T>, pair_inputs> in, to;
    for (std::size_t i = 0; i < pair_inputs; ++i) {
      if (p.size(i) == 0) continue;
      in[i] = laid_out(memory[i], i), to[i] = laid_out(gradient[i], i);
      for (index k = 0; k < p.items; ++k)
        for (index r = 0; r < p.shape[i].rows; ++r)
          for (index c = 0; c < p.shape[i].columns; ++c)
            in[i].item(k)(r, c) =
                p.data[i][static_cast<std::size_t>((k * p.shape[i].rows + r) * p.shape[i].columns + c)];
    }
    feature_answer<T> got;
    got.value = distill::value_and_gradient(objective, distill::feature_pair<T>{in[0], in[1], in[2], in[3], {}},
                                            {to[0], to[1], to[2], to[3]});
    for (std::size_t i = 0; i < pair_inputs; ++i)
      for (index k = 0; k < p.items && p.size(i) > 0; ++k)
        for (index r = 0; r < p.shape[i].rows; ++r)
          for (index c = 0; c < p.shape[i].columns; ++c) got.gradient[i].push_back(to[i].item(k)(r, c));
    INFO("column-major " << turned);
    CHECK(same_bits(got, expected));
  }
}

/// No items; items without rows; items without columns.
template <class T, class Objective>
void nothing_is_worth_nothing(const Objective& objective, feature_problem<T> p) {
  const auto nothing = p.shape;
  for (auto& s : p.shape) s.rows = 0;
  for (auto& d : p.data) d.clear();
  CHECK(solve(objective, p).value == 0);
  p.shape = nothing;
  p.items = 0;
  CHECK(solve(objective, p).value == 0);
  p.items = 1;  // rows without features; some parameters say how many there should be
  for (auto& s : p.shape) s = {s.rows, 0, 0, 0};
  double value = 0;
  message_of([&] { value = solve(objective, p).value; });
  CHECK(value == 0);
}

template <class T, class Objective>
void a_nan_is_not_hidden(const Objective& objective, feature_problem<T> p) {
  p.at(0, p.shape[0].rows / 2, 0) = std::numeric_limits<T>::quiet_NaN();
  CHECK(std::isnan(solve(objective, p).value));
}

template <class T, class Objective>
void equal_features_are_worth_zero(const Objective& objective, feature_problem<T> p) {
  p.shape[1] = p.shape[0], p.data[1] = p.data[0];
  p.shape[3] = p.shape[2], p.data[3] = p.data[2];
  const auto answer = solve(objective, p);
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  CHECK(std::abs(answer.value) <= 4 * epsilon);
  for (const auto& g : answer.gradient)
    CHECK(std::all_of(g.begin(), g.end(), [&](T x) { return std::abs(static_cast<double>(x)) <= 64 * epsilon; }));
}

struct pair_battery_options {
  index items = 1;
  feature_shape student{7, 5}, teacher{7, 6}, student_next{}, teacher_next{};
  double slopes = 1e-6;          ///< of central differences, relative to the largest
  double single = 2e-5;          ///< of float against double
  feature_shape larger{70, 19};  ///< rows and columns of both, for threads and strides; heights follow
  bool larger_items = true;
};

/// What holds for every pair objective.
template <class Objective>
void pair_battery(const Objective& objective, const pair_battery_options& o = {}) {
  const std::array<feature_shape, pair_inputs> shape{o.student, o.teacher, o.student_next, o.teacher_next};
  const auto p = random_features<double>(shape, o.items, 11);
  const auto single = random_features<float>(shape, o.items, 11);
  constexpr distill::pair_info claimed = Objective::info;
  const auto answer = solve(objective, p);
  CHECK(std::isfinite(answer.value));
  if (claimed.nonnegative) CHECK(answer.value >= 0);
  features_have_the_value_s_slopes(objective, p, o.slopes);
  float_is_near_double(objective, p, o.single);
  calls_agree(objective, p);
  calls_agree(objective, single);
  if (o.larger.rows > 0) {
    auto big = shape;
    for (auto& s : big)
      if (s.size() > 0) s = o.larger;
    calls_agree(objective, random_features<float>(big, o.items, 12));
  }
  nothing_is_worth_nothing(objective, single);
  a_nan_is_not_hidden(objective, single);
  if (claimed.zero_at_equality) {
    equal_features_are_worth_zero(objective, p);
    equal_features_are_worth_zero(objective, single);
  }
}

/// One case of tests/reference/pair/<name>.txt.
struct pair_reference {
  harness::parameters parameters;
  feature_problem<double> inputs;
  std::vector<std::int64_t> labels;
  std::vector<std::pair<std::string, std::vector<double>>> others;  // inputs that are no features
  double value = 0;
  std::vector<std::pair<std::string, std::vector<double>>> gradient;

  const std::vector<double>& other(const std::string& name) const {
    for (const auto& [own, numbers] : others)
      if (own == name) return numbers;
    throw std::out_of_range("a reference case has no input " + name);
  }
};

inline std::vector<pair_reference> pair_reference_cases(const std::string& name) {
  std::vector<pair_reference> cases;
  std::ifstream file = detail::open_reference("pair/" + name);
  const auto exact = [](const char* word) { return std::strtod(word, nullptr); };
  for (std::string line, tag, input; std::getline(file, line);) {
    std::istringstream words(line);
    words >> tag;
    if (tag == "case") {
      cases.emplace_back();
      for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        cases.back().parameters.named.emplace_back(word.substr(0, equals), word.substr(equals + 1));
      }
    } else if (tag == "input") {
      index items = 0;
      feature_shape shape;
      words >> input >> items >> shape.rows >> shape.columns;
      const auto numbers = detail::numbers<double>(words, exact);
      const auto known = std::find(std::begin(pair_input_names), std::end(pair_input_names), input);
      if (known == std::end(pair_input_names)) {
        cases.back().others.emplace_back(input, numbers);
        continue;
      }
      const auto at = static_cast<std::size_t>(known - std::begin(pair_input_names));
      cases.back().inputs.items = items;
      cases.back().inputs.shape[at] = shape;
      cases.back().inputs.data[at] = numbers;
    } else if (tag == "map") {
      index height = 0, width = 0;
      words >> height >> width;
      for (feature_shape& s : cases.back().inputs.shape)
        if (s.columns == height * width) s.height = height, s.width = width;
    } else if (tag == "labels") {
      cases.back().labels = detail::numbers<std::int64_t>(
          words, [](const char* word) { return static_cast<std::int64_t>(std::strtoll(word, nullptr, 10)); });
    } else if (tag == "value") {
      words >> cases.back().value;
    } else if (tag == "gradient") {
      words >> input;
      cases.back().gradient.emplace_back(input, detail::numbers<double>(words, exact));
    }
  }
  return cases;
}

/// In units of T's rounding: of the value, and of a gradient, relative to its largest entry or to `least` where that is
/// larger: slopes that cancel leave the rounding of what they are made of.
struct pair_bounds {
  double value = 200, gradient = 200;
  double least = 1e-3;
};

/// make(parameters) is the objective of a case, or make(case), where it has inputs of its own; or nothing, for a case
/// of another.
template <class T, class Make>
void against_pair_references(const std::string& name, const Make& make, const pair_bounds& bounds) {
  int number = 0;
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const pair_reference& one : pair_reference_cases(name)) {
    feature_problem<T> p{one.inputs.items, one.inputs.shape, {}};
    for (std::size_t i = 0; i < pair_inputs; ++i)
      for (const double x : one.inputs.data[i]) p.data[i].push_back(static_cast<T>(x));
    const auto objective = [&] {
      if constexpr (std::is_invocable_v<const Make&, const pair_reference&>)
        return make(one);
      else
        return make(one.parameters);
    };
    const auto made = std::optional(objective());
    if (!made) continue;
    const auto got = solve(*made, p);
    ++number;
    INFO(name << ", case " << number << " of the file, " << 8 * sizeof(T) << " bits");
    const double value_error = std::abs(got.value - one.value) / (epsilon * std::max(std::abs(one.value), 1e-300));
    if (one.value != 0)
      CHECK(value_error <= bounds.value);
    else
      CHECK(std::abs(got.value) <= bounds.value * epsilon);
    for (const auto& listed : one.gradient) {
      const std::string& input = listed.first;
      const std::vector<double>& expected = listed.second;
      const auto known = std::find(std::begin(pair_input_names), std::end(pair_input_names), input);
      REQUIRE(known != std::end(pair_input_names));
      const auto& gradient = got.gradient[static_cast<std::size_t>(known - std::begin(pair_input_names))];
      INFO("gradient to " << input);
      CHECK(relative_distance(gradient, expected, bounds.least) / epsilon <= bounds.gradient);
    }
  }
  CHECK(number >= 2);
}

template <class Make>
void pair_references(const std::string& name, const Make& make, const pair_bounds& bounds = {}) {
  against_pair_references<double>(name, make, bounds);
  against_pair_references<float>(name, make, bounds);
}

}  // namespace harness
