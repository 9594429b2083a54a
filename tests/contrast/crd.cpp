#include <algorithm>
#include <set>
#include <sstream>

#include <distill/method/crd.hpp>
#include <distill/method/negative_sampler.hpp>

#include "contrast/support.hpp"

namespace contrast_tests {

using distill::contrast_options;
using distill::crd;
using distill::memory_bank;
using distill::negative_sampler;
using distill::random_stream;

template <class T>
struct crd_problem {
  index samples = 20, width = 6;
  matrix<T> student = random_matrix<T>(4, 6, 1), teacher = random_matrix<T>(4, 6, 2);
  std::vector<int> ids{3, 19, 0, 7};
  matrix<std::int64_t> negatives{4, 37};
  memory_bank<T> students{20, 6, random_stream(1)}, teachers{20, 6, random_stream(2)};

  crd_problem() {
    for (std::size_t i = 0; i < negatives.data.size(); ++i)
      negatives.data[i] = static_cast<std::int64_t>(random_stream(3).below(20, i));
  }
  distill::crd_batch<T> batch() const { return {student.view(), teacher.view(), ids, negatives.view()}; }
};

/// One direction as the definition says, with log Z given.
double direct(const crd& loss, const matrix<double>& embeddings, const memory_bank<double>& bank,
              const std::vector<int>& ids, const matrix<std::int64_t>& negatives, double log_z) {
  const double share = static_cast<double>(negatives.columns) / static_cast<double>(bank.samples());
  const double c = share + 1e-7;
  double total = 0;
  for (index r = 0; r < embeddings.rows; ++r) {
    double norm = 0;
    for (index i = 0; i < embeddings.columns; ++i) norm += embeddings(r, i) * embeddings(r, i);
    const auto score = [&](index s) {
      double dot = 0;
      for (index i = 0; i < embeddings.columns; ++i) dot += embeddings(r, i) * bank.rows()(s, i);
      return std::exp(dot / std::sqrt(norm) / loss.temperature - log_z);
    };
    const double own = score(ids[static_cast<std::size_t>(r)]);
    total -= std::log(own / (own + c));
    for (index k = 0; k < negatives.columns; ++k) total -= std::log(share / (score(negatives(r, k)) + c));
  }
  return total / static_cast<double>(embeddings.rows);
}

TEST_CASE("crd: the sum over scores, Z of the first batch, slopes of both embeddings, float, threads") {
  crd_problem<double> p;
  const crd loss{.temperature = 0.3};
  double expected_z = 0;
  for (index r = 0; r < 4; ++r)
    for (index k = 0; k <= 37; ++k) {
      const index s = k == 0 ? p.ids[static_cast<std::size_t>(r)] : p.negatives(r, k - 1);
      double dot = 0, norm = 0;
      for (index i = 0; i < 6; ++i)
        dot += p.student(r, i) * p.teachers.rows()(s, i), norm += p.student(r, i) * p.student(r, i);
      expected_z += std::exp(dot / std::sqrt(norm) / loss.temperature) / (4 * 38) * 20;
    }
  matrix<double> student(4, 6, 7.0), teacher(4, 6, 7.0);
  CHECK_FALSE(p.students.normalised());
  const double got =
      value_and_gradient(loss, p.batch(), p.students, p.teachers, {.student = student.out(), .teacher = teacher.out()});
  CHECK(p.teachers.log_normaliser() == doctest::Approx(std::log(expected_z)).epsilon(1e-13));
  CHECK(p.students.normalised());
  const double zs = p.teachers.log_normaliser(), zt = p.students.log_normaliser();
  const auto expected = [&] {
    return direct(loss, p.student, p.teachers, p.ids, p.negatives, zs) +
           direct(loss, p.teacher, p.students, p.ids, p.negatives, zt);
  };
  CHECK(got == doctest::Approx(expected()).epsilon(1e-12));
  CHECK(relative_distance(student.data, differences(p.student.data, expected)) < 1e-6);
  CHECK(relative_distance(teacher.data, differences(p.teacher.data, expected)) < 1e-6);

  // Z stays what it was; the same bits again, and with threads.
  matrix<double> again(4, 6), sum(4, 6, 0.5);
  CHECK(value_and_gradient(loss, p.batch(), p.students, p.teachers, {.student = again.out()}, {.execution = {3}}) ==
        got);
  CHECK(p.teachers.log_normaliser() == zs);
  CHECK(same_bits(again.data, student.data));
  value_and_gradient(loss, p.batch(), p.students, p.teachers, {.student = sum.out()},
                     {.upstream = 2, .store = distill::store_mode::accumulate});
  for (double& x : sum.data) x = (x - 0.5) / 2;
  CHECK(relative_distance(sum.data, student.data) < 1e-13);

  crd_problem<float> q;
  matrix<float> single(4, 6);
  CHECK(value_and_gradient(loss, q.batch(), q.students, q.teachers, {.student = single.out()}) ==
        doctest::Approx(got).epsilon(1e-5));
  CHECK(relative_distance(single.data, student.data) < 1e-4);
}

TEST_CASE("crd: larger batches over threads, cold temperatures, zero rows, no negatives, no rows") {
  matrix<float> student = random_matrix<float>(40, 64, 1);
  const matrix<float> teacher = random_matrix<float>(40, 64, 2);
  for (index c = 0; c < 64; ++c) student(5, c) = 0;
  std::vector<int> ids(40);
  for (int i = 0; i < 40; ++i) ids[static_cast<std::size_t>(i)] = 5 * i;
  matrix<index> negatives(40, 100);
  negative_sampler(index{300}).draw(ids, random_stream(1), negatives.out());
  for (const double temperature : {0.07, 0.001}) {
    memory_bank<float> a(300, 64, random_stream(1)), b(300, 64, random_stream(2));
    matrix<float> one(40, 64), three(40, 64);
    const distill::crd_batch<float> in{student.view(), teacher.view(), ids, negatives.view()};
    const double got = value_and_gradient(crd{temperature}, in, a, b, {.student = one.out()});
    CHECK(std::isfinite(got));
    CHECK(all_finite(one.data));
    for (index c = 0; c < 64; ++c) CHECK(one(5, c) == 0);
    CHECK(value_and_gradient(crd{temperature}, in, a, b, {.student = three.out()}, {.execution = {3}}) == got);
    CHECK(same_bits(one.data, three.data));
  }
  memory_bank<float> a(300, 64, random_stream(1)), b(300, 64, random_stream(2));
  const matrix<index> none(40, 0);
  const double without =
      value_and_gradient(crd{}, distill::crd_batch<float>{student.view(), teacher.view(), ids, none.view()}, a, b, {});
  CHECK(std::isfinite(without));
  memory_bank<float> fresh(300, 64, random_stream(1));
  CHECK(value_and_gradient(crd{}, distill::crd_batch<float>{}, fresh, b, {}) == 0);
  CHECK_FALSE(fresh.normalised());
}

TEST_CASE("crd: errors come before the normaliser is frozen") {
  crd_problem<double> p;
  const auto message = [&](const distill::crd_batch<double>& in, const crd& loss = {}) {
    const std::string text = message_of([&] { value_and_gradient(loss, in, p.students, p.teachers, {}); });
    CHECK_FALSE(p.students.normalised());
    return text;
  };
  CHECK(message(p.batch(), crd{.temperature = 0}) == "distill: crd: temperature is 0, must be positive and finite");
  distill::crd_batch<double> in = p.batch();
  in.teacher.rows = 3;
  CHECK(message(in) == "distill: teacher has 3 rows, student has 4");
  in = p.batch();
  in.student.columns = 5;
  CHECK(message(in) == "distill: student has 5 columns, the banks have 6");
  p.ids[2] = 20;
  CHECK(message(p.batch()) == "distill: samples[2] is 20, must lie in [0, 20)");
  p.ids[2] = 0;
  p.negatives(1, 4) = -1;
  CHECK(message(p.batch()) == "distill: negatives[1, 4] is -1, must lie in [0, 20)");
  const matrix<index> few(3, 2);
  in = p.batch();
  in.negatives = few.view();
  CHECK(message(in) == "distill: negatives has 3 rows, student has 4");
  p.ids.pop_back();
  CHECK(message(p.batch()) == "distill: samples has 3 entries, student has 4 rows");
  memory_bank<double> other(19, 6, random_stream(1));
  CHECK(message_of([&] { value_and_gradient(crd{}, p.batch(), p.students, other, {}); }) ==
        "distill: the bank of teachers is 19 x 6, that of students 20 x 6");
}

TEST_CASE("memory_bank: starts uniform, moves by halves to length 1, errors move nothing") {
  memory_bank<double> bank(50, 12, random_stream(5));
  const double bound = 1 / std::sqrt(4.0);
  double mean = 0, largest = 0;
  for (index i = 0; i < 600; ++i)
    mean += bank.rows().data[i] / 600, largest = std::max(largest, std::abs(bank.rows().data[i]));
  CHECK(largest <= bound);
  CHECK(largest > 0.95 * bound);
  CHECK(std::abs(mean) < 0.05);

  memory_bank<double> two(3, 2, random_stream(1));
  const double x = two.rows()(1, 0), y = two.rows()(1, 1);
  const matrix<double> fresh(2, 2, {3, 4, 0, 0});
  two.update(std::vector<int>{1, 2}, fresh.view(), 0.25);
  const double a = 0.25 * x + 0.75 * 0.6, b = 0.25 * y + 0.75 * 0.8;
  CHECK(two.rows()(1, 0) == doctest::Approx(a / std::hypot(a, b)));
  CHECK(two.rows()(1, 1) == doctest::Approx(b / std::hypot(a, b)));
  CHECK(std::hypot(two.rows()(2, 0), two.rows()(2, 1)) == doctest::Approx(1));
  two.update(std::vector<int>{0}, matrix<double>(1, 2).view(), 0);
  CHECK(two.rows()(0, 0) == 0);

  const std::vector<double> before(two.rows().data, two.rows().data + 6);
  CHECK(message_of([&] {
          two.update(std::vector<int>{1, 3}, fresh.view());
        }) == "distill: samples[1] is 3, must lie in [0, 3)");
  CHECK(message_of([&] { two.update(std::vector<int>{1}, fresh.view()); }) ==
        "distill: memory_bank: samples has 1 entries, embeddings has 2 rows");
  CHECK(message_of([&] {
          two.update(std::vector<int>{1, 2}, fresh.view(), 2);
        }) == "distill: memory_bank: momentum is 2, must lie in [0, 1]");
  CHECK(message_of([&] {
          two.update(std::vector<int>{1, 2}, matrix<double>(2, 3).view());
        }) == "distill: memory_bank: embeddings has 3 columns, the bank's width is 2");
  CHECK(std::equal(before.begin(), before.end(), two.rows().data));
  CHECK(message_of([] { memory_bank<float>(0, 2, random_stream(1)); }) ==
        "distill: memory_bank: samples is 0, must be at least 1");
  CHECK(message_of([] { memory_bank<float>(2, 0, random_stream(1)); }) ==
        "distill: memory_bank: width is 0, must be at least 1");
}

TEST_CASE("crd: banks saved and restored in mid-run give the same bits") {
  const auto step = [](int number, memory_bank<float>& students, memory_bank<float>& teachers) {
    const auto seed = static_cast<std::uint64_t>(10 * number);
    const matrix<float> student = random_matrix<float>(4, 6, seed), teacher = random_matrix<float>(4, 6, seed + 1);
    std::vector<int> ids;
    for (std::uint64_t i = 0; i < 4; ++i) ids.push_back(static_cast<int>(random_stream(seed).below(20, i)));
    matrix<index> negatives(4, 11);
    negative_sampler(index{20}).draw(ids, random_stream(9, seed), negatives.out());
    matrix<float> gradient(4, 6);
    std::vector<double> result{
        value_and_gradient(crd{}, distill::crd_batch<float>{student.view(), teacher.view(), ids, negatives.view()},
                           students, teachers, {.teacher = gradient.out()})};
    result.insert(result.end(), gradient.data.begin(), gradient.data.end());
    students.update(ids, student.view());
    teachers.update(ids, teacher.view());
    return result;
  };
  memory_bank<float> a(20, 6, random_stream(1)), b(20, 6, random_stream(2));
  std::stringstream before;
  a.save(before);
  for (int i = 0; i < 3; ++i) step(i, a, b);
  std::stringstream file;
  a.save(file);
  b.save(file);
  memory_bank<float> c(1, 1, random_stream(7)), d(1, 1, random_stream(7));
  c.load(file);
  d.load(file);
  for (int i = 3; i < 6; ++i) CHECK(step(i, a, b) == step(i, c, d));
  c.load(before);  // from before the first batch: Z is unknown again
  CHECK_FALSE(c.normalised());
}

TEST_CASE("negative_sampler: other classes or other samples, without and with replacement, reproducible") {
  std::vector<int> labels;
  for (int i = 0; i < 60; ++i) labels.push_back(7 * (i % 5) - 3);
  const negative_sampler exact(labels), relaxed(index{60});
  const std::vector<int> anchors{0, 13, 59};
  matrix<index> some(3, 48), all(3, 59), with(3, 200);
  exact.draw(anchors, random_stream(1), some.out());
  for (index r = 0; r < 3; ++r) {
    CHECK(exact.available(anchors[static_cast<std::size_t>(r)]) == 48);
    std::set<index> seen;
    for (index k = 0; k < 48; ++k) {
      seen.insert(some(r, k));
      CHECK(labels[static_cast<std::size_t>(some(r, k))] !=
            labels[static_cast<std::size_t>(anchors[static_cast<std::size_t>(r)])]);
    }
    CHECK(seen.size() == 48);
  }
  relaxed.draw(anchors, random_stream(1), all.out());
  for (index r = 0; r < 3; ++r) {
    std::set<index> seen;
    for (index k = 0; k < 59; ++k) seen.insert(all(r, k));
    CHECK(seen.size() == 59);
    CHECK(seen.count(anchors[static_cast<std::size_t>(r)]) == 0);
  }
  relaxed.draw(anchors, random_stream(1), with.out(), true);
  for (index r = 0; r < 3; ++r)
    for (index k = 0; k < 200; ++k) CHECK(with(r, k) != anchors[static_cast<std::size_t>(r)]);

  // Every other sample is as likely as another.
  std::vector<double> count(60);
  matrix<index> few(3, 6), again(3, 6);
  constexpr int draws = 6000;
  for (std::uint64_t step = 0; step < draws; ++step) {
    relaxed.draw(anchors, random_stream(4, step), few.out());
    for (index k = 0; k < 6; ++k) ++count[static_cast<std::size_t>(few(1, k))];
  }
  CHECK(count[13] == 0);
  for (std::size_t s = 0; s < 60; ++s)
    if (s != 13) CHECK(count[s] / draws == doctest::Approx(6.0 / 59).epsilon(0.15));
  relaxed.draw(anchors, random_stream(4, draws - 1), again.out());
  CHECK(again.data == few.data);

  matrix<index> many(3, 49);
  CHECK(message_of([&] { exact.draw(anchors, random_stream(1), many.out()); }) ==
        "distill: negatives has 49 columns, samples[0] has 48 negatives");
  CHECK(message_of([&] {
          exact.draw(std::vector<int>{0, 60, 1}, random_stream(1), few.out());
        }) == "distill: samples[1] is 60, must lie in [0, 60)");
  CHECK(message_of([&] {
          exact.draw(std::vector<int>{0, 1}, random_stream(1), few.out());
        }) == "distill: negative_sampler: samples has 2 entries, negatives has 3 rows");
  CHECK(
      message_of([&] {
        negative_sampler(std::vector<int>{4, 4, 4}).draw(std::vector<int>{0, 1, 2}, random_stream(1), few.out(), true);
      }) == "distill: negatives has 6 columns, samples[0] has 0 negatives");
  CHECK(message_of([] { negative_sampler(index{-1}); }) ==
        "distill: negative_sampler: samples is -1, must not be negative");
}

}  // namespace contrast_tests
