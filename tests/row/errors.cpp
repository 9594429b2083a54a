// Every argument error names the argument and both values, and comes before any output is written.
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/dac_kl.hpp>
#include <distill/objective/jensen_shannon.hpp>
#include <distill/objective/kl.hpp>
#include <distill/objective/top_k_kl.hpp>

#include "harness/problem.hpp"

namespace {

using distill::cross_entropy;
using distill::jensen_shannon;
using distill::kl;
using distill::matrix_view;
using distill::row_options;

constexpr int rows = 3, columns = 4;

/// A valid call, of which each test spoils one thing.
struct call {
  std::vector<float> memory = std::vector<float>(100, 0.5f), to_student = memory, to_teacher = memory;
  std::vector<int> labels{0, 1, 2};
  distill::batch<float> in;
  distill::gradients<float> out;
  row_options options;

  call() {
    in.student = in.teacher = matrix_view<const float>(memory.data(), rows, columns);
    in.labels = labels;
    out.student = matrix_view<float>(to_student.data(), rows, columns);
    out.teacher = matrix_view<float>(to_teacher.data(), rows, columns);
  }
  matrix_view<const float> of_shape(distill::index r, distill::index c) const { return {memory.data(), r, c}; }

  /// The message of the error, after checking that nothing was written.
  template <class Objective>
  std::string message(const Objective& objective) {
    std::string text = "nothing thrown";
    try {
      distill::value_and_gradient(objective, in, out, options);
    } catch (const distill::argument_error& error) {
      text = error.what();
    }
    CHECK(to_student == memory);
    CHECK(to_teacher == memory);
    return text;
  }
};

void check_names(const std::string& message, std::initializer_list<const char*> parts) {
  CAPTURE(message);
  CHECK(message.substr(0, 9) == "distill: ");
  for (const char* part : parts) {
    CAPTURE(std::string(part));
    CHECK(message.find(part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("the call that the other cases spoil is a valid one") {
  call c;
  CHECK_NOTHROW(distill::value_and_gradient(kl{} + cross_entropy{}, c.in, c.out, c.options));
  CHECK(c.to_student != c.memory);
}

TEST_CASE("temperatures must be positive and finite") {
  check_names(call().message(kl{.temperature = 0}), {"kl", "temperature is 0", "positive"});
  check_names(call().message(kl{.temperature = -1.5}), {"temperature is -1.5"});
  check_names(call().message(cross_entropy{.temperature = std::nan("")}), {"cross_entropy", "temperature is", "nan"});
  check_names(call().message(jensen_shannon{.temperature = INFINITY}),
              {"jensen_shannon", "temperature is inf", "finite"});
  check_names(call().message(0.5 * kl{} + 0.5 * cross_entropy{.temperature = 0}),
              {"cross_entropy", "temperature is 0"});
  const std::vector<double> one_bad{1, 2, -3}, too_few{1, 2};
  check_names(call().message(kl{.temperature = one_bad}), {"temperature is -3"});
  check_names(call().message(kl{.temperature = too_few}), {"temperature", "2 entries", "3 rows"});
  std::vector<double> none;
  check_names(call().message(kl{.temperature = none}), {"temperature", "0 entries", "3 rows"});
  none.reserve(3);  // memory that holds nothing
  check_names(call().message(kl{.temperature = none}), {"temperature", "0 entries", "3 rows"});
  check_names(call().message(distill::row_parameter(none) * kl{}), {"weight", "0 entries", "3 rows"});
}

TEST_CASE("a temperature that leaves the range of the number type is refused") {
  check_names(call().message(kl{.temperature = 1e-310}), {"temperature is 1e-310", "must lie in", "1e-30"});
}

TEST_CASE("a tiny temperature is named as it is, not as 0") {
  check_names(call().message(kl{.temperature = -1e-9}), {"temperature is -1e-09"});
}

TEST_CASE("shapes must agree with the student's") {
  call c;
  c.in.teacher = c.of_shape(rows, 11);
  check_names(c.message(kl{}), {"teacher has 11 columns", "student has 4"});
  c.in.teacher = c.of_shape(2, columns);
  check_names(c.message(kl{}), {"teacher has 2 rows", "student has 3"});
  c.in.teacher = {};
  check_names(c.message(kl{}), {"teacher is empty"});
  c.in.student = {};
  check_names(c.message(cross_entropy{}), {"student is empty"});
  c.in.student = c.of_shape(rows, 0);
  check_names(c.message(cross_entropy{}), {"student has 0 columns"});
}

TEST_CASE("shapes of the gradients must agree with the student's") {
  call c;
  c.out.student = matrix_view<float>(c.to_student.data(), rows, 5);
  check_names(c.message(kl{}), {"gradient of student has 5 columns", "student has 4"});
  call d;
  d.out.teacher = matrix_view<float>(d.to_teacher.data(), 7, columns);
  check_names(d.message(kl{}), {"gradient of teacher has 7 rows", "student has 3"});
}

TEST_CASE("labels must be there, as many as rows, and classes") {
  call c;
  c.in.labels = {};
  check_names(c.message(cross_entropy{}), {"labels are empty"});
  c.labels = {0, 1};
  c.in.labels = c.labels;
  check_names(c.message(cross_entropy{}), {"labels has 2 entries", "student has 3 rows"});
  c.labels = {0, 4, 1};
  c.in.labels = c.labels;
  check_names(c.message(cross_entropy{}), {"labels[1] is 4", "[0, 4)", "-100"});
  c.labels = {0, 1, -1};
  c.in.labels = c.labels;
  check_names(c.message(kl{} + cross_entropy{}), {"labels[2] is -1"});
  c.labels = {0, 1, -1};
  call ignored;
  ignored.in.labels = c.labels;
  CHECK_NOTHROW(distill::value(cross_entropy{.ignore_index = -1}, ignored.in));
}

TEST_CASE("mask, weights and upstream have one entry a row") {
  const std::vector<int> mask{1, 0};
  const std::vector<float> weights{1, 1, 1, 1}, upstream{1};
  call c;
  c.options.mask = mask;
  check_names(c.message(kl{}), {"mask has 2 entries", "3 rows"});
  call d;
  d.options.weights = weights;
  check_names(d.message(kl{}), {"weights has 4 entries", "3 rows"});
  call e;
  e.options.upstream = upstream;
  check_names(e.message(kl{}), {"upstream has 1 entries", "3 rows"});
  check_names(call().message(distill::row_parameter(weights) * kl{}),
              {"weight of an objective has 4 entries", "3 rows"});
}

TEST_CASE("parameters of the objectives") {
  check_names(call().message(jensen_shannon{.beta = 1.5}), {"jensen_shannon", "beta is 1.5", "[0, 1]"});
  check_names(call().message(jensen_shannon{.beta = -0.25}), {"beta is -0.25"});
  check_names(call().message(jensen_shannon{.beta = std::nan("")}), {"beta is", "nan"});
  check_names(call().message(cross_entropy{.label_smoothing = 2}), {"cross_entropy", "label_smoothing is 2", "[0, 1]"});
  check_names(call().message(cross_entropy{.label_smoothing = -1}), {"label_smoothing is -1"});
}

TEST_CASE("no gradient to probabilities") {
  call c;
  c.in.teacher = distill::probabilities<float>(c.of_shape(rows, columns));
  check_names(c.message(kl{}), {"gradient of teacher", "probabilities"});
}

TEST_CASE("threads and the reduction's count") {
  call c;
  c.options.execution.threads = -2;
  check_names(c.message(kl{}), {"execution.threads is -2"});
  for (const double count : {0.0, -1.0, double(INFINITY), std::nan("")}) {
    std::string text = "nothing thrown";
    try {
      static_cast<void>(distill::reduction::count(count));
    } catch (const distill::argument_error& error) {
      text = error.what();
    }
    check_names(text, {"reduction::count is", "positive"});
  }
}

TEST_CASE("the second of two calls checks its table and its coefficients") {
  call c;
  distill::value_table<kl> table;
  const double coefficients[4] = {1, 1, 1, 1};
  const auto message = [&](matrix_view<const double> given) {
    std::string text = "nothing thrown";
    try {
      distill::gradient(kl{}, c.in, table, given, c.out);
    } catch (const distill::argument_error& error) {
      text = error.what();
    }
    CHECK(c.to_student == c.memory);
    return text;
  };
  check_names(message({coefficients, 3, 1}), {"table has 0 rows", "student has 3"});
  distill::values(kl{}, c.in, table);
  check_names(message({coefficients, 2, 1}), {"coefficients is 2 x 1", "3 rows x 1 leaves"});
  check_names(message({coefficients, 3, 2}), {"coefficients is 3 x 2"});
}

namespace {
/// Takes part by its label, without a demand on it.
struct counted_kl : kl {
  bool counts(distill::index label) const { return label >= 0; }
};
}  // namespace

TEST_CASE("an objective that asks for labels in any way gets an error without them") {
  const auto p = harness::random_problem<double>(2, 6, 5);
  distill::batch<double> in = harness::inputs_of(kl{}, p);
  const char* expected = "distill: labels are empty, the objective needs them";
  CHECK_THROWS_WITH_AS(distill::value(counted_kl{}, in), expected, distill::argument_error);
  CHECK_THROWS_WITH_AS(distill::value(1.0 * distill::dac_kl{} + 1.0 * kl{}, in), expected, distill::argument_error);
}

TEST_CASE("checks end where the arguments do") {
  const auto p = harness::random_problem<double>(2, 6, 5);
  const double temperatures[] = {1, 2, -1};
  CHECK_NOTHROW(
      distill::value(kl{.temperature = distill::row_parameter(temperatures, 2)}, harness::inputs_of(kl{}, p)));
  const std::int32_t classes[] = {0, 3, 99, 1, 2, 99};
  const double log_p[] = {-1, -2, 0, -1, -2, 0};
  distill::batch<double> in = harness::inputs_of(kl{}, p);
  in.stored = {matrix_view<const std::int32_t>(classes, 2, 2, 3), matrix_view<const double>(log_p, 2, 2, 3)};
  CHECK_NOTHROW(distill::value(distill::top_k_kl{}, in));
  distill::batch<double> none;
  none.student = matrix_view<const double>(p.student.data(), 0, 6);
  CHECK(distill::value(distill::top_k_kl{}, none).value == 0);
}
