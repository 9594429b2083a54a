// What is compared by groups of rows: segments and class prototypes.
#include <sstream>

#include <distill/method/prototype_alignment.hpp>
#include <distill/method/segment_info_nce.hpp>

#include "contrast/support.hpp"

namespace contrast_tests {

using distill::prototype_alignment;
using distill::prototypes;
using distill::segment_batch;
using distill::segment_info_nce;
using distill::segment_means;

TEST_CASE("segment_means: means, empty segments, rows of none, the way back") {
  const std::vector<int> ids{2, -1, 0, 2, 2, -1, 0, 4};
  const matrix<double> rows = random_matrix<double>(8, 70, 1);
  const segment_means segments(ids, 5);
  CHECK(segments.size(0) == 2);
  CHECK(segments.size(1) == 0);
  CHECK(segments.size(2) == 3);
  CHECK(segments.size(4) == 1);
  matrix<double> pooled(5, 70, 7.0), back(8, 70, 7.0);
  segments.forward(rows.view(), pooled.out());
  for (index c = 0; c < 70; ++c) {
    CHECK(pooled(0, c) == doctest::Approx((rows(2, c) + rows(6, c)) / 2).epsilon(1e-14));
    CHECK(pooled(1, c) == 0);
    CHECK(pooled(2, c) == doctest::Approx((rows(0, c) + rows(3, c) + rows(4, c)) / 3).epsilon(1e-14));
    CHECK(pooled(4, c) == rows(7, c));
  }
  segments.backward(pooled.view(), back.out());
  for (index c = 0; c < 70; ++c) {
    CHECK(back(0, c) == doctest::Approx(pooled(2, c) / 3));
    CHECK(back(1, c) == 0);
    CHECK(back(6, c) == pooled(0, c) / 2);
    CHECK(back(7, c) == pooled(4, c));
  }
  matrix<double> sum = back;
  segments.backward(pooled.view(), sum.out(), true);
  for (std::size_t i = 0; i < sum.data.size(); ++i) CHECK(sum.data[i] == doctest::Approx(2 * back.data[i]));

  const matrix<float> many = random_matrix<float>(4000, 30, 2);
  std::vector<int> some(4000);
  for (std::size_t i = 0; i < some.size(); ++i) some[i] = static_cast<int>(i * i % 101) - 1;
  const segment_means hundred(some, 100);
  matrix<float> one(100, 30), three(100, 30);
  hundred.forward(many.view(), one.out());
  hundred.forward(many.view(), three.out(), {3});
  CHECK(same_bits(one.data, three.data));

  CHECK(message_of([&] { segment_means(ids, 4); }) == "distill: segments[7] is 4, must lie in [0, 4) or be -1");
  CHECK(message_of([&] { segment_means(ids, -1); }) == "distill: segment_means: segments is -1, must not be negative");
  CHECK(message_of([&] { segments.forward(many.view(), one.out()); }) ==
        "distill: segment_means: 4000 rows given, segments has 8 entries");
  CHECK(message_of([&] { segments.forward(rows.view(), back.out()); }) ==
        "distill: segment_means: pooled is 8 x 70, must be 5 x 70");
}

template <class T>
struct segment_problem {
  matrix<T> student = random_matrix<T>(12, 5, 1), teacher = random_matrix<T>(15, 5, 2);
  std::vector<int> student_ids{0, 1, 2, 3, 3, 0, -1, 5, 5, 2, 6, 0},
      teacher_ids{3, 3, 0, 0, 0, 2, 2, 4, -1, 5, 5, 5, 1, 1, 0};
  segment_batch<T> batch() const { return {student.view(), teacher.view(), student_ids, teacher_ids, 8}; }
};

TEST_CASE("segment_info_nce: the loss of the means, slopes, float, threads") {
  segment_problem<double> p;
  segment_info_nce loss{.temperature = 0.3};
  const auto direct = [&] {
    const std::vector<int> kept{0, 1, 2, 3, 5};  // 4, 6 and 7 are empty on a side
    const auto mean = [&](const matrix<double>& rows, const std::vector<int>& ids) {
      matrix<double> result(5, 5);
      for (index k = 0; k < 5; ++k) {
        double count = 0;
        for (std::size_t i = 0; i < ids.size(); ++i) {
          if (ids[i] != kept[static_cast<std::size_t>(k)]) continue;
          ++count;
          for (index c = 0; c < 5; ++c) result(k, c) += rows(static_cast<index>(i), c);
        }
        for (index c = 0; c < 5; ++c) result(k, c) /= count;
      }
      return result;
    };
    const matrix<double> k = mean(p.student, p.student_ids), q = mean(p.teacher, p.teacher_ids);
    double total = 0;
    for (index m = 0; m < 5; ++m) {
      std::vector<double> row;
      for (index j = 0; j < 5; ++j) row.push_back(cosine(k, m, q, j) / loss.temperature);
      total += (log_sum_exp(row) - row[static_cast<std::size_t>(m)]) / 5;
    }
    return total;
  };
  matrix<double> student(12, 5, 7.0), teacher(15, 5, 7.0);
  double temperature = 7;
  const double got = value_and_gradient(
      loss, p.batch(), {.student = student.out(), .teacher = teacher.out(), .temperature = &temperature});
  CHECK(got == doctest::Approx(direct()).epsilon(1e-13));
  CHECK(value(loss, p.batch()) == got);
  CHECK(relative_distance(student.data, differences(p.student.data, direct)) < 1e-6);
  CHECK(relative_distance(teacher.data, differences(p.teacher.data, direct)) < 1e-6);
  CHECK(temperature == doctest::Approx(difference(loss.temperature, direct)).epsilon(1e-6));

  distill::segment_workspace<double> workspace;
  matrix<double> again(12, 5), sum(12, 5, 0.5);
  CHECK(value_and_gradient(loss, p.batch(), {.student = again.out()}, {.execution = {3}}, workspace) == got);
  CHECK(same_bits(again.data, student.data));
  value_and_gradient(loss, p.batch(), {.student = sum.out()}, {.upstream = 2, .store = distill::store_mode::accumulate},
                     workspace);
  for (double& x : sum.data) x = (x - 0.5) / 2;
  CHECK(relative_distance(sum.data, student.data) < 1e-13);
  const segment_problem<float> q;
  matrix<float> single(12, 5);
  CHECK(value_and_gradient(loss, q.batch(), {.student = single.out()}) == doctest::Approx(got).epsilon(1e-6));
  CHECK(relative_distance(single.data, student.data) < 1e-5);
}

TEST_CASE("segment_info_nce: one segment, none, errors") {
  segment_problem<double> p;
  matrix<double> student(12, 5, 7.0);
  for (const int id : {3, -1}) {
    p.student_ids.assign(12, id);
    CHECK(value_and_gradient(segment_info_nce{}, p.batch(), {.student = student.out()}) == 0);
    CHECK(all_zero(student.data));
  }
  CHECK(value(segment_info_nce{}, segment_batch<double>{}) == 0);
  p.student_ids[5] = 8;
  CHECK(message_of([&] { value(segment_info_nce{}, p.batch()); }) ==
        "distill: segments[5] is 8, must lie in [0, 8) or be -1");
  p.student_ids.pop_back();
  CHECK(message_of([&] { value(segment_info_nce{}, p.batch()); }) ==
        "distill: student_segments has 11 entries, there are 12 rows");
  CHECK(message_of([&] { value(segment_info_nce{.temperature = -2}, p.batch()); }) ==
        "distill: segment_info_nce: temperature is -2, must be positive and finite");
}

const std::vector<int> labels_a{0, 2, 2, -1, 4, 0, 0, 1}, labels_b{2, 2, 0, 1, 1, 3};

TEST_CASE("prototypes: first members, moving mean, classes without members, pseudo labels") {
  prototypes<double> p(5, 3, 0.75);
  const matrix<double> f = random_matrix<double>(8, 3, 1), g = random_matrix<double>(6, 3, 2);
  p.update(f.view(), labels_a);
  const matrix<double> first(5, 3, std::vector<double>(p.rows().data, p.rows().data + 15));
  for (index c = 0; c < 3; ++c) {
    CHECK(first(0, c) == doctest::Approx((f(0, c) + f(5, c) + f(6, c)) / 3));
    CHECK(first(3, c) == 0);
  }
  CHECK_FALSE(p.known(3));
  CHECK(p.present(4));
  p.update(g.view(), labels_b);
  CHECK(p.known(3));
  CHECK(p.present(3));
  CHECK_FALSE(p.present(4));
  for (index c = 0; c < 3; ++c) {
    CHECK(p.rows()(2, c) == doctest::Approx(0.75 * first(2, c) + 0.25 * (g(0, c) + g(1, c)) / 2));
    CHECK(p.rows()(3, c) == g(5, c));
    CHECK(p.rows()(4, c) == first(4, c));
  }

  prototypes<double> partly(5, 3, 0.75);
  partly.update(f.view(), labels_a);
  matrix<double> far = random_matrix<double>(4, 3, 5), logits(4, 5);
  partly.logits(far.view(), 0.5, logits.out());
  for (index r = 0; r < 4; ++r) {
    CHECK(logits(r, 3) == -INFINITY);
    const auto distance = [&](index k) {
      double square = 0;
      for (index c = 0; c < 3; ++c) square += (far(r, c) - partly.rows()(k, c)) * (far(r, c) - partly.rows()(k, c));
      return square;
    };
    for (const index k : {1, 2, 4})
      CHECK(logits(r, k) - logits(r, 0) == doctest::Approx((distance(0) - distance(k)) / 0.5).epsilon(1e-12));
  }
  prototypes<double> unknown(2, 3);
  matrix<double> none(4, 2);
  unknown.logits(far.view(), 1, none.out());
  for (const double x : none.data) CHECK(x == -INFINITY);

  CHECK(message_of([&] { p.update(f.view(), labels_b); }) ==
        "distill: prototypes: labels has 6 entries, features has 8 rows");
  CHECK(message_of([&] {
          p.update(far.view(), std::vector<int>{0, 1, 2, 5});
        }) == "distill: segments[3] is 5, must lie in [0, 5) or be -1");
  CHECK(message_of([&] { p.update(matrix<double>(4, 2).view(), std::vector<int>(4)); }) ==
        "distill: prototypes: features has 2 columns, the prototypes have 3");
  CHECK(message_of([&] { p.logits(far.view(), 0, logits.out()); }) ==
        "distill: prototypes: temperature is 0, must be positive");
  CHECK(message_of([&] { p.logits(far.view(), 1, none.out()); }) == "distill: prototypes: out is 4 x 2, must be 4 x 5");
  CHECK(message_of([&] { p.backward(far.view(), logits.out()); }) ==
        "distill: prototypes: slopes is 4 x 3, must be 5 x 3");
  CHECK(message_of([] { prototypes<float>(0, 3); }) == "distill: prototypes: classes is 0, must be at least 1");
  CHECK(message_of([] { prototypes<float>(3, 0); }) == "distill: prototypes: width is 0, must be at least 1");
  CHECK(message_of([] { prototypes<float>(3, 3, -1); }) == "distill: prototypes: momentum is -1, must lie in [0, 1]");
}

TEST_CASE("prototype_alignment: slopes back to the features of both sides, through the moving means") {
  prototype_alignment loss{.temperature = 0.3};
  prototypes<double> student_before(5, 3, 0.75), teacher_before(5, 3, 0.5);
  matrix<double> f = random_matrix<double>(8, 3, 1), g = random_matrix<double>(6, 3, 2);
  student_before.update(g.view(), labels_b);  // class 4 is new to it
  teacher_before.update(f.view(), labels_a);
  const auto updated = [&](auto& student, auto& teacher) {
    student = student_before, teacher = teacher_before;
    student.update(f.view(), labels_a);
    teacher.update(g.view(), labels_b);
  };
  prototypes<double> student(1, 1), teacher(1, 1);
  const auto direct = [&] {
    updated(student, teacher);
    const std::vector<index> classes{0, 1, 2};  // 3 and 4 have members on one side only
    double total = 0;
    const matrix<double> s(5, 3, std::vector<double>(student.rows().data, student.rows().data + 15));
    const matrix<double> t(5, 3, std::vector<double>(teacher.rows().data, teacher.rows().data + 15));
    for (const index c : classes) {
      std::vector<double> row, column;
      for (const index d : classes) {
        row.push_back(cosine(s, c, t, d) / loss.temperature);
        column.push_back(cosine(s, d, t, c) / loss.temperature);
      }
      total += (log_sum_exp(row) + log_sum_exp(column) - 2 * cosine(s, c, t, c) / loss.temperature) / 6;
    }
    return total;
  };
  updated(student, teacher);
  matrix<double> ds(5, 3, 7.0), dt(5, 3, 7.0), df(8, 3, 7.0), dg(6, 3, 7.0);
  double temperature = 7;
  const double got = value_and_gradient(loss, student, teacher,
                                        {.student = ds.out(), .teacher = dt.out(), .temperature = &temperature});
  student.backward(ds.view(), df.out());
  teacher.backward(dt.view(), dg.out());
  CHECK(got == doctest::Approx(direct()).epsilon(1e-13));
  CHECK(relative_distance(df.data, differences(f.data, direct)) < 1e-6);
  CHECK(relative_distance(dg.data, differences(g.data, direct)) < 1e-6);
  CHECK(temperature == doctest::Approx(difference(loss.temperature, direct)).epsilon(1e-6));
  CHECK(all_zero(std::vector<double>(ds.data.begin() + 9, ds.data.end())));
  updated(student, teacher);
  value_and_gradient(loss, student, teacher, {.student = ds.out()},
                     {.upstream = 1, .store = distill::store_mode::accumulate});
  CHECK(ds(4, 0) == 0);

  prototypes<double> other(4, 3);
  CHECK(message_of([&] { value_and_gradient(loss, student, other, {}); }) ==
        "distill: teacher has 4 rows, student has 5");
  loss.temperature = 0;
  CHECK(message_of([&] { value_and_gradient(loss, student, teacher, {}); }) ==
        "distill: prototype_alignment: temperature is 0, must be positive and finite");
  prototypes<double> empty(5, 3);
  CHECK(value_and_gradient(prototype_alignment{}, student, empty, {.student = ds.out()}) == 0);
  CHECK(all_zero(ds.data));
}

TEST_CASE("prototypes: saved and restored in mid-run they give the same bits") {
  const auto step = [](int number, prototypes<float>& student, prototypes<float>& teacher) {
    const auto seed = static_cast<std::uint64_t>(2 * number);
    const matrix<float> f = random_matrix<float>(8, 3, seed), g = random_matrix<float>(6, 3, seed + 1);
    student.update(f.view(), labels_a);
    teacher.update(g.view(), labels_b);
    matrix<float> slopes(5, 3), gradient(8, 3);
    std::vector<double> result{value_and_gradient(prototype_alignment{}, student, teacher, {.student = slopes.out()})};
    student.backward(slopes.view(), gradient.out());
    result.insert(result.end(), gradient.data.begin(), gradient.data.end());
    return result;
  };
  prototypes<float> student(5, 3), teacher(5, 3);
  for (int i = 0; i < 3; ++i) step(i, student, teacher);
  std::stringstream file;
  student.save(file);
  teacher.save(file);
  prototypes<float> a(1, 1), b(1, 1);
  a.load(file);
  b.load(file);
  CHECK(value_and_gradient(prototype_alignment{}, student, teacher, {}) ==
        value_and_gradient(prototype_alignment{}, a, b, {}));
  for (int i = 3; i < 6; ++i) CHECK(step(i, student, teacher) == step(i, a, b));
}

}  // namespace contrast_tests
