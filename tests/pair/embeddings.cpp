// Objectives on embeddings, and those with inputs of their own: variances, labels, masks.
#include <distill/method/dice_diversity.hpp>
#include <distill/method/norm_direction.hpp>
#include <distill/method/variational_information.hpp>
#include <distill/objective/embedding_distance.hpp>
#include <distill/objective/soft_dice.hpp>
#include <distill/state/class_means.hpp>

#include <sstream>

#include "harness/pair.hpp"

namespace {

using distill::feature_shape;
using distill::feature_stack;
using distill::index;
using distill::matrix_view;
using harness::feature_problem;
using harness::parameters;
using harness::relative_distance;

template <class Number>
std::vector<Number> listed(const std::string& text) {
  std::vector<Number> result;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) result.push_back(static_cast<Number>(std::stod(word)));
  return result;
}

/// Central differences of value() at every entry of x, in double.
template <class Value>
std::vector<double> slopes_of(std::vector<double>& x, const Value& value) {
  std::vector<double> slopes;
  for (double& entry : x) {
    const double kept = entry, step = 1e-5;
    entry = kept + step;
    const double above = value();
    entry = kept - step;
    const double below = value();
    entry = kept;
    slopes.push_back((above - below) / (2 * step));
  }
  return slopes;
}

template <class T>
std::vector<T> rounded(const std::vector<double>& x) {
  std::vector<T> result;
  for (const double entry : x) result.push_back(static_cast<T>(entry));
  return result;
}

template <class T>
double units(double got, double expected) {
  return std::abs(got - expected) / (std::abs(expected) * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

// ------------------------------------------------------------------------------------------ embedding_distance

TEST_CASE("embedding_distance") {
  const harness::pair_battery_options options{.student = {7, 6}, .teacher = {7, 6}};
  harness::pair_battery(distill::embedding_distance{}, options);
  const std::vector<index> dims{2, 6, 3};
  const std::vector<double> weights{1, 0.25, 2};
  harness::pair_battery(distill::embedding_distance{.dims = dims}, options);
  harness::pair_battery(distill::embedding_distance{.dims = dims, .weights = weights},
                        {.student = {7, 9}, .teacher = {7, 6}});
}

TEST_CASE("embedding_distance: value and gradients against 50-digit references") {
  std::vector<index> dims;
  std::vector<double> weights;
  harness::pair_references("embedding_distance", [&](const parameters& p) {
    if (!p.has("dims")) return distill::embedding_distance{};
    dims = listed<index>(p.word("dims"));
    weights = listed<double>(p.word("weights"));
    return distill::embedding_distance{.dims = dims, .weights = weights};
  });
}

TEST_CASE("embedding_distance: embeddings and prefixes of zeros pull on nothing") {
  auto p = harness::random_features<double>({feature_shape{2, 4}, feature_shape{2, 4}}, 1, 1);
  for (index c = 0; c < 4; ++c) p.at(0, 0, c) = 0;
  p.at(0, 1, 0) = p.at(0, 1, 1) = 0;
  const auto whole = harness::solve(distill::embedding_distance{}, p);
  for (std::size_t c = 0; c < 4; ++c) CHECK(whole.gradient[0][c] == 0);
  const std::vector<index> dims{2, 4};
  const std::vector<double> first{1, 0};
  const auto prefix = harness::solve(distill::embedding_distance{.dims = dims, .weights = first}, p);
  CHECK(prefix.value == doctest::Approx(1));  // both teacher prefixes have length 1
  for (const double g : prefix.gradient[0]) CHECK(g == 0);
  for (const double g : prefix.gradient[1]) CHECK(std::abs(g) <= 1e-15);
}

TEST_CASE("embedding_distance: errors") {
  const std::vector<index> none{0}, more{5};
  const std::vector<double> two{1, 1}, negative{-1};
  const auto message = [&](const distill::embedding_distance& objective, index teacher_width = 4) {
    const auto p = harness::random_features<double>({feature_shape{2, 4}, feature_shape{2, teacher_width}}, 1, 2);
    return harness::message_of([&] { harness::solve(objective, p); });
  };
  CHECK(message({}, 5) == "distill: what is compared of the student is 2 x 4, of the teacher 2 x 5");
  CHECK(message({.dims = none}) == "distill: dims has an entry 0, must lie between 1 and the columns, 4");
  CHECK(message({.dims = more}) == "distill: dims has an entry 5, must lie between 1 and the columns, 4");
  CHECK(message({.dims = more, .weights = two}) == "distill: weights has 2 entries, dims has 1");
  CHECK(message({.dims = more, .weights = negative}) ==
        "distill: weights has an entry -1, must be finite and not negative");
}

// ------------------------------------------------------------------------------------------ soft_dice

struct dice_of_rows {
  static constexpr distill::pair_info info{.name = "dice_of_rows", .formula = "", .source = ""};
  auto representation() const { return distill::chain(); }
  auto comparison() const { return distill::by_rows(distill::soft_dice{}); }
};

TEST_CASE("soft_dice: value and gradients against 50-digit references") {
  harness::pair_references("soft_dice", [](const parameters&) { return dice_of_rows{}; });
}

// ------------------------------------------------------------------------------------------ dice_diversity

template <class T>
struct diversity_answer {
  double value;
  std::vector<T> gradient;
};
template <class T>
diversity_answer<T> diversity(const std::vector<T>& masks, index items, const feature_shape& shape,
                              const distill::pair_options& options = {}) {
  diversity_answer<T> result{0, std::vector<T>(masks.size(), T(12345))};
  result.value =
      distill::value_and_gradient(distill::dice_diversity{}, harness::stack_of<const T>(masks.data(), items, shape),
                                  harness::stack_of<T>(result.gradient.data(), items, shape), options);
  return result;
}

TEST_CASE_TEMPLATE("dice_diversity: value and gradient against 50-digit references", T, float, double) {
  for (const harness::pair_reference& one : harness::pair_reference_cases("dice_diversity")) {
    const auto got = diversity(rounded<T>(one.inputs.data[0]), one.inputs.items, one.inputs.shape[0]);
    const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
    CHECK(std::abs(got.value - one.value) <= 32 * epsilon * one.value);
    CHECK(relative_distance(got.gradient, one.gradient[0].second) <= 64 * epsilon);
  }
}

TEST_CASE_TEMPLATE("dice_diversity: calls", T, float, double) {
  const feature_shape shape{13, 300};
  std::vector<T> masks;
  const distill::random_stream random(1);
  for (std::size_t i = 0; i < 3 * 13 * 300; ++i) masks.push_back(static_cast<T>(random.uniform(i)));
  const auto expected = diversity(masks, 3, shape);
  for (const int threads : {2, 3, 0}) {
    const auto got = diversity(masks, 3, shape, {.execution = {.threads = threads}});
    CHECK((got.value == expected.value && got.gradient == expected.gradient));
  }
  const auto stack = harness::stack_of<const T>(masks.data(), 3, shape);
  CHECK(distill::value(distill::dice_diversity{}, stack) == expected.value);
  std::vector<T> sum(masks.size(), T(0.25)), wanted;
  distill::value_and_gradient(distill::dice_diversity{}, stack, harness::stack_of<T>(sum.data(), 3, shape),
                              {.upstream = -2, .store = distill::store_mode::accumulate});
  for (const T g : expected.gradient) wanted.push_back(T(0.25) - 2 * g);
  CHECK(relative_distance(sum, wanted) <= 8 * static_cast<double>(std::numeric_limits<T>::epsilon()));
  // Column-major memory.
  std::vector<T> turned(masks.size()), back(masks.size());
  const feature_stack<T> columns(turned.data(), 3, shape, 1, 13, 1, {13 * 300, 0});
  const feature_stack<T> to(back.data(), 3, shape, 1, 13, 1, {13 * 300, 0});
  for (index i = 0; i < 3; ++i)
    for (index r = 0; r < 13; ++r)
      for (index c = 0; c < 300; ++c) columns.item(i)(r, c) = stack.item(i)(r, c);
  CHECK(distill::value_and_gradient(distill::dice_diversity{}, feature_stack<const T>(columns), to) == expected.value);
  bool same = true;
  for (index i = 0; i < 3; ++i)
    for (index r = 0; r < 13; ++r)
      for (index c = 0; c < 300; ++c)
        same = same && to.item(i)(r, c) == expected.gradient[static_cast<std::size_t>((i * 13 + r) * 300 + c)];
  CHECK(same);
  if constexpr (sizeof(T) == 8) {
    std::vector<double> few(masks.begin(), masks.begin() + 24);
    const auto slopes = slopes_of(few, [&] { return diversity(few, 2, {3, 4}).value; });
    CHECK(relative_distance(diversity(few, 2, {3, 4}).gradient, slopes) <= 1e-8);
  }
}

TEST_CASE("dice_diversity: one mask, none, zeros, NaN, errors") {
  std::vector<double> masks{1, 2, 3, 0, 0, 0, 0, 0, 0};
  const auto one = diversity(masks, 3, {1, 3});
  CHECK(one.value == 0);
  for (const double g : one.gradient) CHECK(g == 0);
  const auto three = diversity(masks, 1, {3, 3});
  CHECK(three.value == 0);
  CHECK((three.gradient[0] == 0 && three.gradient[3] == doctest::Approx(4.0 / 6 / 14)));
  const auto nothing = diversity(std::vector<double>(6), 1, {2, 3});
  CHECK(nothing.value == 0);
  for (const double g : nothing.gradient) CHECK(g == 0);
  CHECK(diversity(std::vector<double>{}, 0, {3, 3}).value == 0);
  masks[4] = NAN;
  CHECK(std::isnan(diversity(masks, 1, {3, 3}).value));
  std::vector<double> to(6);
  CHECK(harness::message_of([&] {
          distill::value_and_gradient(distill::dice_diversity{},
                                      harness::stack_of<const double>(masks.data(), 1, {3, 3}),
                                      harness::stack_of<double>(to.data(), 1, {2, 3}));
        }) == "distill: gradient to masks is 2 x 3, the features are 3 x 3");
}

// ------------------------------------------------------------------------------------------ variational_information

template <class T>
struct variational_answer {
  double value;
  std::vector<T> student, teacher, log_variance;
};
template <class T>
variational_answer<T> variational(const feature_problem<T>& p, const std::vector<T>& a,
                                  const distill::pair_options& options = {}, T begin = T(12345),
                                  double epsilon = 1e-5) {
  variational_answer<T> result{0, std::vector<T>(p.size(0), begin), std::vector<T>(p.size(0), begin),
                               std::vector<T>(a.size(), begin)};
  result.value = distill::value_and_gradient(
      distill::variational_information{.epsilon = epsilon},
      distill::variational_features<T>{.student = harness::stack_of<const T>(p.data[0].data(), p.items, p.shape[0]),
                                       .teacher = harness::stack_of<const T>(p.data[1].data(), p.items, p.shape[1]),
                                       .log_variance = a},
      {.student = harness::stack_of<T>(result.student.data(), p.items, p.shape[0]),
       .teacher = harness::stack_of<T>(result.teacher.data(), p.items, p.shape[1]),
       .log_variance = result.log_variance},
      options);
  return result;
}
template <class T>
bool operator==(const variational_answer<T>& a, const variational_answer<T>& b) {
  return a.value == b.value && a.student == b.student && a.teacher == b.teacher && a.log_variance == b.log_variance;
}

TEST_CASE_TEMPLATE("variational_information: value and gradients against 50-digit references", T, float, double) {
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const harness::pair_reference& one : harness::pair_reference_cases("variational_information")) {
    feature_problem<T> p{one.inputs.items, one.inputs.shape, {}};
    p.data[0] = rounded<T>(one.inputs.data[0]), p.data[1] = rounded<T>(one.inputs.data[1]);
    const auto got = variational(p, rounded<T>(one.other("log_variance")), {}, T(12345), one.parameters["epsilon"]);
    CHECK(units<T>(got.value, one.value) <= 32);
    for (const auto& listed : one.gradient) {
      const std::string& input = listed.first;
      const std::vector<double>& expected = listed.second;
      const auto& gradient = input == "student" ? got.student : input == "teacher" ? got.teacher : got.log_variance;
      INFO("gradient to " << input);
      CHECK(relative_distance(gradient, expected) <= 64 * epsilon);
    }
  }
}

TEST_CASE_TEMPLATE("variational_information: calls", T, float, double) {
  const auto p = harness::random_features<T>({feature_shape{13, 50}, feature_shape{13, 50}}, 5, 3);
  std::vector<T> a;
  const distill::random_stream random(4);
  for (std::size_t c = 0; c < 13; ++c) a.push_back(static_cast<T>(2 * random.normal(c)));
  const auto expected = variational(p, a);
  for (const int threads : {2, 3, 0}) CHECK(variational(p, a, {.execution = {.threads = threads}}) == expected);
  const distill::variational_features<T> in{
      .student = harness::stack_of<const T>(p.data[0].data(), p.items, p.shape[0]),
      .teacher = harness::stack_of<const T>(p.data[1].data(), p.items, p.shape[1]),
      .log_variance = a};
  CHECK(distill::value(distill::variational_information{}, in) == expected.value);
  const auto added = variational(p, a, {.upstream = -2, .store = distill::store_mode::accumulate}, T(0.25));
  const auto close = [](const std::vector<T>& got, std::vector<T> from) {
    for (T& g : from) g = T(0.25) - 2 * g;
    return relative_distance(got, from) <= 8 * static_cast<double>(std::numeric_limits<T>::epsilon());
  };
  CHECK(close(added.student, expected.student));
  CHECK(close(added.teacher, expected.teacher));
  CHECK(close(added.log_variance, expected.log_variance));
  // Items as heads of a sequence lie in memory, transposed.
  std::vector<T> memory(p.size(0)), gradient(p.size(0));
  const feature_stack<T> turned(memory.data(), 4, p.shape[0], 1, 13, 2, {13 * 50, 2 * 13 * 50});
  const feature_stack<T> to(gradient.data(), 4, p.shape[0], 1, 13, 2, {13 * 50, 2 * 13 * 50});
  auto four = p;
  four.items = 4, four.data[0].resize(4 * 13 * 50), four.data[1].resize(4 * 13 * 50);
  for (index i = 0; i < 4; ++i)
    for (index r = 0; r < 13; ++r)
      for (index c = 0; c < 50; ++c) turned.item(i)(r, c) = four.at(0, r, c, i);
  const auto plain = variational(four, a);
  auto strided = in;
  strided.student = turned, strided.teacher.items = 4;
  CHECK(distill::value_and_gradient(distill::variational_information{}, strided, {.student = to}) == plain.value);
  bool same = true;
  for (index i = 0; i < 4; ++i)
    for (index r = 0; r < 13; ++r)
      for (index c = 0; c < 50; ++c)
        same = same && to.item(i)(r, c) == plain.student[static_cast<std::size_t>((i * 13 + r) * 50 + c)];
  CHECK(same);
}

TEST_CASE("variational_information: gradients are differences") {
  auto p = harness::random_features<double>({feature_shape{3, 4}, feature_shape{3, 4}}, 2, 5);
  std::vector<double> a{-3, 0.2, 5};
  const auto answer = variational(p, a);
  const auto value = [&] { return variational(p, a).value; };
  CHECK(relative_distance(answer.student, slopes_of(p.data[0], value)) <= 1e-8);
  CHECK(relative_distance(answer.teacher, slopes_of(p.data[1], value)) <= 1e-8);
  CHECK(relative_distance(answer.log_variance, slopes_of(a, value)) <= 1e-8);
}

TEST_CASE_TEMPLATE("variational_information: any variance, nothing at all, NaN, errors", T, float, double) {
  auto p = harness::random_features<T>({feature_shape{2, 3}, feature_shape{2, 3}}, 1, 6);
  for (const T a : {T(-1000), T(-100), T(100), T(1e30)}) {  // where code overflows: log(1 + e^100)
    const auto answer = variational(p, std::vector<T>{a, 0});
    CHECK(std::isfinite(answer.value));
    for (const T g : answer.log_variance) CHECK(std::isfinite(g));
  }
  const auto wide = variational(p, std::vector<T>{100, 100});
  CHECK(wide.value == doctest::Approx(std::log(100.0) / 2).epsilon(0.05));
  auto nothing = p;
  nothing.items = 0, nothing.data[0].clear(), nothing.data[1].clear();
  const auto none = variational(nothing, std::vector<T>{1, 1});
  CHECK((none.value == 0 && none.log_variance == std::vector<T>{0, 0}));
  p.data[0][1] = std::numeric_limits<T>::quiet_NaN();
  CHECK(std::isnan(variational(p, std::vector<T>{1, 1}).value));
  CHECK(harness::message_of([&] { variational(p, std::vector<T>{1}); }) ==
        "distill: log_variance has 1 entries, student has 2 rows");
  p.shape[1].columns = 2;
  CHECK(harness::message_of([&] {
          variational(p, std::vector<T>{1, 1});
        }) == "distill: student is 2 x 3, teacher is 2 x 2");
}

// ------------------------------------------------------------------------------------------ norm_direction

template <class T>
struct direction_problem {
  index rows, columns, classes;
  std::vector<T> student, teacher, means;
  std::vector<std::int64_t> labels;
};
template <class T>
struct direction_answer {
  double value;
  std::vector<T> student, teacher;
};
template <class T>
direction_answer<T> direction(const direction_problem<T>& p, double factor = 1,
                              const distill::pair_options& options = {}, T begin = T(12345)) {
  direction_answer<T> result{0, std::vector<T>(p.student.size(), begin), std::vector<T>(p.student.size(), begin)};
  result.value = distill::value_and_gradient(
      distill::norm_direction{.factor = factor},
      distill::direction_features<T>{.student = {p.student.data(), p.rows, p.columns},
                                     .teacher = {p.teacher.data(), p.rows, p.columns},
                                     .labels = p.labels,
                                     .class_means = {p.means.data(), p.classes, p.columns}},
      {.student = {result.student.data(), p.rows, p.columns}, .teacher = {result.teacher.data(), p.rows, p.columns}},
      options);
  return result;
}
template <class T>
direction_problem<T> random_directions(index rows, index columns, index classes) {
  direction_problem<T> p{rows, columns, classes, {}, {}, {}, {}};
  const distill::random_stream random(7);
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows * columns); ++i) {
    p.student.push_back(static_cast<T>(random.normal(3 * i)));
    p.teacher.push_back(static_cast<T>(random.normal(3 * i + 1)));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(classes * columns); ++i)
    p.means.push_back(static_cast<T>(random.normal(3 * i + 2)));
  for (index r = 0; r < rows; ++r) p.labels.push_back(r % classes);
  return p;
}

TEST_CASE_TEMPLATE("norm_direction: value and gradients against 50-digit references", T, float, double) {
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const harness::pair_reference& one : harness::pair_reference_cases("norm_direction")) {
    const feature_shape& shape = one.inputs.shape[0];
    const auto& centres = one.other("centres");
    const direction_problem<T> p{shape.rows,
                                 shape.columns,
                                 static_cast<index>(centres.size()) / shape.columns,
                                 rounded<T>(one.inputs.data[0]),
                                 rounded<T>(one.inputs.data[1]),
                                 rounded<T>(centres),
                                 one.labels};
    const auto got = direction(p, one.parameters["factor"]);
    CHECK(units<T>(got.value, one.value) <= 32);
    for (const auto& listed : one.gradient) {
      const std::string& input = listed.first;
      const std::vector<double>& expected = listed.second;
      INFO("gradient to " << input);
      CHECK(relative_distance(input == "student" ? got.student : got.teacher, expected) <= 64 * epsilon);
    }
  }
}

TEST_CASE_TEMPLATE("norm_direction: calls", T, float, double) {
  const auto p = random_directions<T>(300, 200, 5);
  const auto expected = direction(p);
  for (const int threads : {2, 3, 0}) {
    const auto got = direction(p, 1, {.execution = {.threads = threads}});
    CHECK((got.value == expected.value && got.student == expected.student && got.teacher == expected.teacher));
  }
  const auto added = direction(p, 1, {.upstream = -2, .store = distill::store_mode::accumulate}, T(0.25));
  std::vector<T> wanted;
  for (const T g : expected.student) wanted.push_back(T(0.25) - 2 * g);
  CHECK(relative_distance(added.student, wanted) <= 8 * static_cast<double>(std::numeric_limits<T>::epsilon()));
  // Column-major everything.
  const auto turned = [](const std::vector<T>& x, index rows, index columns) {
    std::vector<T> result;
    for (index c = 0; c < columns; ++c)
      for (index r = 0; r < rows; ++r) result.push_back(x[static_cast<std::size_t>(r * columns + c)]);
    return result;
  };
  const auto s = turned(p.student, 300, 200), t = turned(p.teacher, 300, 200), m = turned(p.means, 5, 200);
  std::vector<T> to_s(s.size()), to_t(t.size());
  const double value = distill::value_and_gradient(
      distill::norm_direction{},
      distill::direction_features<T>{.student = {s.data(), 300, 200, 1, 300},
                                     .teacher = {t.data(), 300, 200, 1, 300},
                                     .labels = p.labels,
                                     .class_means = {m.data(), 5, 200, 1, 5}},
      {.student = {to_s.data(), 300, 200, 1, 300}, .teacher = {to_t.data(), 300, 200, 1, 300}});
  CHECK(value == expected.value);
  CHECK(to_s == turned(expected.student, 300, 200));
  CHECK(to_t == turned(expected.teacher, 300, 200));
}

TEST_CASE("norm_direction: gradients are differences, near the class's direction too") {
  auto p = random_directions<double>(6, 5, 3);
  for (std::size_t c = 0; c < 5; ++c) p.student[c] = p.means[c] * (c == 0 ? 1.001 : 1);
  const auto answer = direction(p, 2);
  const auto value = [&] { return direction(p, 2).value; };
  CHECK(relative_distance(answer.student, slopes_of(p.student, value)) <= 1e-8);
  CHECK(relative_distance(answer.teacher, slopes_of(p.teacher, value)) <= 1e-8);
}

TEST_CASE_TEMPLATE("norm_direction: what has no direction", T, float, double) {
  const auto zero = [](const std::vector<T>& g) { return std::all_of(g.begin(), g.end(), [](T x) { return x == 0; }); };
  direction_problem<T> p{1, 2, 2, {0, 0}, {0, 0}, {3, 4, 0, 0}, {0}};
  const auto both = direction(p);
  CHECK((both.value == 1 && zero(both.student) && zero(both.teacher)));
  p.teacher = {0, 2};
  const auto student = direction(p);
  CHECK(student.value == 1);
  CHECK(student.student[0] == doctest::Approx(-0.3));  // −e/‖t‖
  CHECK(student.student[1] == doctest::Approx(-0.4));
  CHECK(zero(student.teacher));
  p.student = {1, 1}, p.labels = {1};
  const auto unseen = direction(p);
  CHECK((unseen.value == 1 && zero(unseen.student) && zero(unseen.teacher)));
  p.labels = {0}, p.student = {0, 2};  // as long as the teacher: the student's norm
  CHECK(zero(direction(p).teacher));
  p.student = {T(3e-30), T(4e-30)}, p.teacher = {T(1e-30), 0}, p.means = {T(3e30), T(4e30), 0, 0};
  CHECK(direction(p).value == doctest::Approx(0));
  p.teacher = {std::numeric_limits<T>::quiet_NaN(), 0};
  const auto invalid = direction(p);
  CHECK(std::isnan(invalid.value));
  CHECK(std::isnan(invalid.student[0]));
  CHECK(std::isnan(invalid.teacher[0]));
  p.rows = 0, p.labels.clear();
  CHECK(direction(p).value == 0);
}

TEST_CASE("norm_direction: errors") {
  auto p = random_directions<double>(3, 2, 2);
  p.labels[1] = 2;
  CHECK(harness::message_of([&] { direction(p); }) == "distill: labels[1] is 2, must lie in [0, 2)");
  p.labels.pop_back();
  CHECK(harness::message_of([&] { direction(p); }) == "distill: labels has 2 entries, student has 3 rows");
  const distill::direction_features<double> in{.student = {p.student.data(), 3, 2},
                                               .teacher = {p.teacher.data(), 2, 2}};
  CHECK(harness::message_of([&] { distill::value(distill::norm_direction{}, in); }) ==
        "distill: teacher has 2 rows, student has 3");
}

TEST_CASE("norm_direction and class_means: a class that was never seen") {
  distill::class_means<double> means(3, 2);
  const std::vector<double> features{1, 2, 3, 4};
  const std::vector<int> labels{2, 2};
  means.add({features.data(), 2, 2}, labels);
  const std::vector<int> unseen{0, 2};
  const double value =
      distill::value(distill::norm_direction{}, distill::direction_features<double>{.student = {features.data(), 2, 2},
                                                                                    .teacher = {features.data(), 2, 2},
                                                                                    .labels = unseen,
                                                                                    .class_means = means.means()});
  const double cosine = (3 * 2 + 4 * 3) / std::sqrt(25.0 * 13);
  CHECK(value == doctest::Approx((1 + 1 - cosine) / 2));
}

}  // namespace
