#include <sstream>

#include <distill/method/dino.hpp>
#include <distill/state/centre.hpp>

#include "contrast/support.hpp"

namespace contrast_tests {

using distill::centre;
using distill::contrast_options;
using distill::dino;
using distill::dino_batch;

/// As the definition says: pair by pair.
double direct(const dino& loss, const matrix<double>& student, const matrix<double>& teacher,
              const std::vector<double>& middle) {
  const index samples = teacher.rows / 2, crops = student.rows / samples;
  double total = 0;
  for (index i = 0; i < 2; ++i)
    for (index v = 0; v < crops; ++v) {
      if (v == i) continue;
      for (index b = 0; b < samples; ++b) {
        std::vector<double> own, target;
        for (index c = 0; c < student.columns; ++c) {
          own.push_back(student(v * samples + b, c) / loss.student_temperature);
          target.push_back((teacher(i * samples + b, c) - middle[static_cast<std::size_t>(c)]) /
                           loss.teacher_temperature);
        }
        const double x = log_sum_exp(own), y = log_sum_exp(target);
        for (std::size_t c = 0; c < own.size(); ++c) total -= std::exp(target[c] - y) * (own[c] - x);
      }
    }
  return crops < 2 ? 0 : total / static_cast<double>(2 * crops - 2) / static_cast<double>(samples);
}

TEST_CASE("dino: the sum over pairs, slopes, float, threads") {
  const dino loss{.student_temperature = 0.4, .teacher_temperature = 0.25};
  const std::vector<double> middle{0.5, -0.25, 1, 0, 2, -1, 0.125};
  for (const index crops : {2, 3, 5}) {
    CAPTURE(crops);
    matrix<double> student = random_matrix<double>(3 * crops, 7, 1);
    const matrix<double> teacher = random_matrix<double>(6, 7, 2);
    const dino_batch<double> in{
        .student = student.view(), .teacher = teacher.view(), .centre = matrix_view<const double>(middle.data(), 1, 7)};
    matrix<double> got(3 * crops, 7, 12345.0);
    const double value_got = value_and_gradient(loss, in, {.student = got.out()});
    CHECK(value_got == doctest::Approx(direct(loss, student, teacher, middle)).epsilon(1e-13));
    CHECK(value(loss, in) == value_got);
    CHECK(relative_distance(got.data,
                            differences(student.data, [&] { return direct(loss, student, teacher, middle); })) < 1e-6);
    matrix<double> threads(3 * crops, 7);
    CHECK(value_and_gradient(loss, in, {.student = threads.out()}, {.execution = {3}}) == value_got);
    CHECK(same_bits(threads.data, got.data));
    matrix<double> sum(3 * crops, 7, 0.5);
    value_and_gradient(loss, in, {.student = sum.out()}, {.upstream = 2, .store = distill::store_mode::accumulate});
    for (double& x : sum.data) x = (x - 0.5) / 2;
    CHECK(relative_distance(sum.data, got.data) < 1e-13);

    const auto rounded = [](const auto& v) { return std::vector<float>(v.begin(), v.end()); };
    const matrix<float> s(student.rows, 7, rounded(student.data)), t(6, 7, rounded(teacher.data));
    const std::vector<float> c = rounded(middle);
    matrix<float> single(3 * crops, 7);
    CHECK(value_and_gradient(loss, dino_batch<float>{s.view(), t.view(), matrix_view<const float>(c.data(), 1, 7)},
                             {.student = single.out()}) == doctest::Approx(value_got).epsilon(1e-6));
    CHECK(relative_distance(single.data, got.data) < 2e-6);
  }
}

TEST_CASE("dino: large logits and many columns") {
  const dino loss{};
  matrix<float> student = random_matrix<float>(12, 300, 1), teacher = random_matrix<float>(6, 300, 2);
  for (float& x : student.data) x *= 100;
  for (float& x : teacher.data) x *= 100;
  const matrix<double> s(12, 300, std::vector<double>(student.data.begin(), student.data.end()));
  const matrix<double> t(6, 300, std::vector<double>(teacher.data.begin(), teacher.data.end()));
  matrix<float> got(12, 300), threads(12, 300);
  const dino_batch<float> in{student.view(), teacher.view(), {}};
  CHECK(value_and_gradient(loss, in, {.student = got.out()}) ==
        doctest::Approx(direct(loss, s, t, std::vector<double>(300))).epsilon(1e-5));
  CHECK(all_finite(got.data));
  value_and_gradient(loss, in, {.student = threads.out()}, {.execution = {2}});
  CHECK(same_bits(threads.data, got.data));
}

TEST_CASE("dino: one crop has no pair; no samples; errors") {
  const matrix<double> student = random_matrix<double>(6, 4, 1), teacher = random_matrix<double>(6, 4, 2);
  matrix<double> out(6, 4, 7.0);
  dino_batch<double> in{.student = matrix_view<const double>(student.data.data(), 3, 4), .teacher = teacher.view()};
  CHECK(value_and_gradient(dino{}, in, {.student = matrix_view<double>(out.data.data(), 3, 4)}) == 0);
  CHECK(std::vector<double>(out.data.begin(), out.data.begin() + 12) == std::vector<double>(12, 0.0));
  CHECK(out(3, 0) == 7);
  CHECK(value(dino{}, dino_batch<double>{}) == 0);

  in = {.student = student.view(), .teacher = teacher.view()};
  CHECK(message_of([&] { value(dino{.student_temperature = 0}, in); }) ==
        "distill: dino: student: temperature is 0, must be positive and finite");
  CHECK(message_of([&] { value(dino{.teacher_temperature = -1}, in); }) ==
        "distill: dino: teacher: temperature is -1, must be positive and finite");
  in.teacher.rows = 5;
  CHECK(message_of([&] { value(dino{}, in); }) == "distill: dino: teacher has 5 rows, must be two crops");
  in.teacher.rows = 4, in.student.rows = 5;
  CHECK(message_of([&] { value(dino{}, in); }) ==
        "distill: dino: student has 5 rows, must be a multiple of the teacher's 2 samples");
  in = {.student = student.view(), .teacher = teacher.view()};
  in.teacher.columns = 3;
  CHECK(message_of([&] { value(dino{}, in); }) == "distill: teacher has 3 columns, student has 4");
  in.teacher.columns = 4, in.centre = matrix_view<const double>(student.data.data(), 1, 3);
  CHECK(message_of([&] { value(dino{}, in); }) == "distill: dino: centre is 1 x 3, must be 1 x 4");
}

TEST_CASE("centre: moves after the loss; saved and restored in mid-run it gives the same bits") {
  const auto step = [](int number, centre<float>& c) {
    const matrix<float> student = random_matrix<float>(6, 5, static_cast<std::uint64_t>(2 * number));
    const matrix<float> teacher = random_matrix<float>(4, 5, static_cast<std::uint64_t>(2 * number + 1));
    matrix<float> gradient(6, 5);
    std::vector<double> result{value_and_gradient(dino{}, dino_batch<float>{student.view(), teacher.view(), c.values()},
                                                  {.student = gradient.out()})};
    result.insert(result.end(), gradient.data.begin(), gradient.data.end());
    c.update(teacher.view());
    return result;
  };
  centre<float> c(5, 0.75);
  for (int i = 0; i < 3; ++i) step(i, c);
  std::stringstream file;
  c.save(file);
  centre<float> restored(1), copy = c;
  restored.load(file);
  CHECK(restored.momentum() == 0.75);
  for (int i = 3; i < 6; ++i) {
    const auto expected = step(i, c);
    CHECK(step(i, restored) == expected);
    CHECK(step(i, copy) == expected);
  }
  centre<double> d(2, 0.75);
  const matrix<double> rows(2, 2, {4, 8, 12, 0});
  d.update(rows.view());
  CHECK(d.values()(0, 0) == 2);
  CHECK(d.values()(0, 1) == 1);
  d.update(matrix_view<const double>(rows.data.data(), 0, 2));
  CHECK(d.values()(0, 0) == 2);
  CHECK(message_of([&] { d.update(matrix_view<const double>(rows.data.data(), 1, 1)); }) ==
        "distill: centre: teacher has 1 columns, the centre has 2");
  CHECK(message_of([] { centre<float>(0); }) == "distill: centre: columns is 0, must be at least 1");
  CHECK(message_of([] { centre<float>(2, 1.5); }) == "distill: centre: momentum is 1.5, must lie in [0, 1]");
}

}  // namespace contrast_tests
