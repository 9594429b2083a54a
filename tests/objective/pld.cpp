#include <doctest/doctest.h>

#include <distill/objective/pld.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"
#include "harness/message.hpp"

using distill::list_weights;
using distill::pld;

namespace {

/// Straight from the definition, in long double: exponentials of ±1000 are in its range.
struct exact_list {
  long double value = 0, most_left_out = 0;  // what the positions beyond the head may add at most
  std::vector<long double> student, teacher_slope;

  template <class T>
  exact_list(const pld& o, const std::vector<T>& s, const std::vector<T>& t, distill::index label)
      : student(s.size()), teacher_slope(s.size()) {
    std::vector<std::size_t> order;
    for (std::size_t c = 0; c < s.size(); ++c)
      if (std::isfinite(s[c]) || std::isfinite(t[c])) order.push_back(c);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return t[a] > t[b]; });
    if (o.label_first) {
      const auto found = std::find(order.begin(), order.end(), static_cast<std::size_t>(label));
      if (found != order.end()) std::rotate(order.begin(), found, found + 1);
    }
    const std::size_t count = order.size();
    const std::size_t head = o.head == 0 ? count : std::min(count, static_cast<std::size_t>(o.head));
    const auto p_t = harness::softmax_of(t, o.temperature[0]).p;
    const auto e = [&](std::size_t k) { return std::exp(static_cast<long double>(s[order[k]])); };
    std::vector<long double> behind(count + 1), weight(count);
    for (std::size_t k = count; k-- > 0;) behind[k] = behind[k + 1] + e(k);
    for (std::size_t k = 0; k < count; ++k)
      weight[k] = o.weights == list_weights::teacher_mass ? p_t[order[k]]
                  : o.weights == list_weights::uniform    ? 1 / static_cast<long double>(count)
                                                          : std::pow(2.0L, static_cast<long double>(count - 1 - k)) - 1;
    const long double all = std::accumulate(weight.begin(), weight.end(), 0.0L);
    if (o.weights == list_weights::exponential)
      for (long double& w : weight) w = all == 0 ? 0 : w / all;
    long double before = 0, left = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t c = order[k];
      student[c] = e(k) * before;
      if (weight[k] == 0) continue;
      if (k >= head) {
        left += weight[k];
        continue;
      }
      const long double term = weight[k] * std::log1p(behind[k + 1] / e(k));
      value += term;
      student[c] -= weight[k] * behind[k + 1] / behind[k];
      before += weight[k] / behind[k];
      if (o.weights == list_weights::teacher_mass) teacher_slope[c] = term;
    }
    long double least = INFINITY;
    for (std::size_t k = head; k < count; ++k) least = std::min(least, static_cast<long double>(s[order[k]]));
    if (head < count) most_left_out = left * (std::log(behind[head]) - least);
  }
  /// ∂/∂z_t through the softmax.
  template <class T>
  std::vector<long double> teacher(const std::vector<T>& t, long double temperature) const {
    const auto p = harness::softmax_of(t, temperature).p;
    const long double sum = std::accumulate(teacher_slope.begin(), teacher_slope.end(), 0.0L);
    std::vector<long double> result;
    for (std::size_t c = 0; c < t.size(); ++c) result.push_back((teacher_slope[c] - p[c] * sum) / temperature);
    return result;
  }
};

template <class T>
void agrees(const pld& o, harness::problem<T> p, double tolerance) {
  const auto got = harness::solve(o, p);
  long double value = 0;
  double worst = 0;
  for (distill::index r = 0; r < p.rows; ++r) {
    const auto row = harness::part_of(p, r, 1);
    const exact_list exact(o, row.student, row.teacher, row.labels[0]);
    const auto to_teacher = exact.teacher(row.teacher, o.temperature[0]);
    value += exact.value;
    for (distill::index c = 0; c < p.columns; ++c) {
      const auto i = static_cast<std::size_t>(c), at = static_cast<std::size_t>(r * p.columns + c);
      worst = std::max(worst, std::abs(static_cast<double>(exact.student[i]) - static_cast<double>(got.student[at])));
      worst = std::max(worst, std::abs(static_cast<double>(to_teacher[i]) - static_cast<double>(got.teacher[at])) /
                                  std::max(1.0, static_cast<double>(exact.value)));
    }
  }
  INFO(p.columns << " columns, " << sizeof(T) << " bytes, weights " << static_cast<int>(o.weights) << ", head "
                 << o.head << ", temperature " << o.temperature[0]);
  CHECK(got.value == doctest::Approx(static_cast<double>(value)).epsilon(tolerance));
  CHECK(worst <= 4 * tolerance);
}

template <class T>
void agrees_everywhere(double tolerance) {
  for (const auto weights : {list_weights::teacher_mass, list_weights::uniform, list_weights::exponential})
    for (const bool label_first : {true, false})
      for (const distill::index head : {0, 1, 3, 40})
        for (const distill::index columns : {1, 2, 3, 10, 100, 1500}) {
          const pld o{.weights = weights, .label_first = label_first, .head = head, .temperature = 2};
          agrees(o, harness::random_problem<T>(4, columns, 71), tolerance);
          auto tied = harness::random_problem<T>(4, columns, 72);
          for (T& z : tied.teacher) z = std::round(z);
          agrees(o, tied, tolerance);
        }
}

}  // namespace

TEST_CASE("pld: value and gradients against 50-digit references") {
  harness::against_references("pld", [](const harness::parameters& p) {
    const std::string& weights = p.word("weights");
    return pld{.weights = weights == "uniform"       ? list_weights::uniform
                          : weights == "exponential" ? list_weights::exponential
                                                     : list_weights::teacher_mass,
               .label_first = p["label_first"] != 0,
               .head = static_cast<distill::index>(p["head"]),
               .temperature = p.temperature};
  });
}

TEST_CASE("pld: properties") {
  harness::battery(pld{});
  harness::battery(pld{.label_first = false, .temperature = 4});
}

TEST_CASE("pld: properties at other parameters") {
  harness::check_mathematics<double>(pld{.weights = list_weights::uniform});
  harness::check_mathematics<double>(pld{.weights = list_weights::exponential, .label_first = false});
  harness::check_mathematics<double>(pld{.head = 3, .temperature = 2});
}

TEST_CASE("pld: the definition, with ties and with heads") {
  agrees_everywhere<float>(3e-6);
  agrees_everywhere<double>(1e-14);
}

TEST_CASE("pld: logits of ±60 and ±1000") {
  for (const double size : {60.0, 1000.0})
    for (const distill::index columns : {2, 10, 1000}) {
      auto p = harness::random_problem<double>(4, columns, 73);
      for (double& z : p.student) z = std::round(z) > 0 ? size : std::round(z) < 0 ? -size : z;
      agrees(pld{}, p, 1e-13);
      agrees(pld{.weights = list_weights::uniform}, p, 1e-13);
      agrees(pld{.head = 4}, p, 1e-13);
      for (double& z : p.teacher) z *= size / 4;
      agrees(pld{}, p, 1e-13);
      harness::problem<float> narrow{p.rows, p.columns, {}, {}, p.labels};
      narrow.student.assign(p.student.begin(), p.student.end());
      narrow.teacher.assign(p.teacher.begin(), p.teacher.end());
      agrees(pld{}, narrow, 1e-4);  // the teacher's exponentials in float
      agrees(pld{.weights = list_weights::uniform}, narrow, 1e-6);
    }
}

TEST_CASE("pld: single classes far below the others, in the list and behind its head") {
  for (const distill::index columns : {5, 100, 1500})
    for (const distill::index head : {0, 3, 40})
      for (const double low : {-60.0, -80.0, -100.0, -500.0, -700.0, -5000.0}) {
        auto p = harness::random_problem<double>(4, columns, 76);
        for (distill::index r = 0; r < p.rows; ++r) p.student_at(r, (2 * r + 1) % columns) = low;
        agrees(pld{.head = head}, p, 1e-13);
        agrees(pld{.weights = list_weights::uniform, .head = head}, p, 1e-13);
        harness::problem<float> narrow{p.rows, p.columns, {}, {}, p.labels};
        narrow.student.assign(p.student.begin(), p.student.end());
        narrow.teacher.assign(p.teacher.begin(), p.teacher.end());
        agrees(pld{.head = head}, narrow, 3e-6);
      }
}

TEST_CASE("pld: with all weight on the label it is a cross-entropy") {
  auto p = harness::random_problem<double>(3, 20, 74);
  for (distill::index r = 0; r < p.rows; ++r) p.teacher_at(r, p.labels[static_cast<std::size_t>(r)]) = 3000;
  const auto got = harness::solve(pld{}, p);
  double expected = 0;
  for (distill::index r = 0; r < p.rows; ++r) {
    const auto row = harness::part_of(p, r, 1);
    const auto s = harness::softmax_of(row.student);
    const auto label = static_cast<std::size_t>(row.labels[0]);
    expected -= static_cast<double>(s.log_p[label]);
    for (std::size_t c = 0; c < 20; ++c)
      CHECK(got.student[static_cast<std::size_t>(r) * 20 + c] ==
            doctest::Approx(static_cast<double>(s.p[c]) - (c == label ? 1 : 0)).epsilon(1e-13));
  }
  CHECK(got.value == doctest::Approx(expected).epsilon(1e-14));
}

TEST_CASE("pld: a head leaves out no more than its bound") {
  for (const distill::index head : {1, 2, 5, 20})
    for (std::uint64_t seed = 80; seed < 90; ++seed) {
      const auto p = harness::random_problem<double>(1, 100, seed);
      const exact_list exact(pld{.head = head}, p.student, p.teacher, p.labels[0]);
      const double whole = harness::solve(pld{}, p).value, part = harness::solve(pld{.head = head}, p).value;
      CHECK(part <= whole);
      CHECK(whole - part <= static_cast<double>(exact.most_left_out));
    }
}

TEST_CASE("pld: masked classes") {
  const double inf = harness::infinity<double>;
  harness::problem<double> p{1, 4, {1, 2, -inf, 0.5}, {0, 3, -inf, -1}, {0}};
  const harness::problem<double> without{1, 3, {1, 2, 0.5}, {0, 3, -1}, {0}};
  for (const auto weights : {list_weights::teacher_mass, list_weights::uniform})
    CHECK(harness::solve(pld{.weights = weights}, p).value ==
          doctest::Approx(harness::solve(pld{.weights = weights}, without).value).epsilon(1e-15));
  p.teacher[2] = -2;  // the student lacks a class with weight
  auto got = harness::solve(pld{}, p);
  CHECK(got.value == inf);
  CHECK(std::none_of(got.student.begin(), got.student.end(), [](double g) { return std::isnan(g); }));
  p.teacher[2] = 2;  // before another one
  got = harness::solve(pld{}, p);
  CHECK(got.value == inf);
  CHECK(got.student[2] == doctest::Approx(-harness::softmax(p.teacher)[2]).epsilon(1e-14));
  p.student[3] = -inf;  // and so it lacks all that lie behind
  got = harness::solve(pld{}, p);
  CHECK(got.value == inf);
  CHECK(std::none_of(got.student.begin(), got.student.end(), [](double g) { return std::isnan(g); }));
  p.student[3] = 0.5;
  p.teacher[2] = -1e6;  // without weight
  CHECK(harness::solve(pld{}, p).value == doctest::Approx(harness::solve(pld{}, without).value).epsilon(1e-15));
  p.teacher[2] = -inf, p.student[2] = 4;  // the teacher lacks it: it is behind all others
  const exact_list exact(pld{}, p.student, p.teacher, 0);
  got = harness::solve(pld{}, p);
  CHECK(got.value == doctest::Approx(static_cast<double>(exact.value)).epsilon(1e-14));
  CHECK(got.student[2] == doctest::Approx(static_cast<double>(exact.student[2])).epsilon(1e-14));
  CHECK(got.teacher[2] == 0);
}

TEST_CASE("pld: one class, a constant teacher, labels") {
  const auto one = harness::random_problem<float>(3, 1, 75);
  CHECK(harness::solve(pld{}, one).value == 0);
  CHECK(harness::solve(pld{.weights = list_weights::exponential}, one).value == 0);
  harness::problem<double> flat{1, 3, {3, 1, 2}, {5, 5, 5}, {2}};  // the order is 2, 0, 1
  agrees(pld{}, flat, 1e-14);
  agrees(pld{.label_first = false}, flat, 1e-14);
  flat.labels[0] = -100;
  CHECK(harness::solve(pld{}, flat).value == 0);
  CHECK(harness::solve(pld{.label_first = false}, flat).value > 0);
  auto in = harness::inputs_of(pld{}, flat);
  in.labels = {};
  CHECK(distill::value(pld{.label_first = false}, in) > 0);
  CHECK(harness::message_of([&] { distill::value(pld{}, in); }).find("labels are empty") != std::string::npos);
  flat.labels[0] = 3;
  CHECK(harness::message_of([&] { harness::solve(pld{}, flat); }) ==
        "distill: labels[0] is 3, must lie in [0, 3) or be ignore_index (-100)");
  CHECK(harness::message_of([&] { harness::solve(pld{.head = -1}, flat); }) ==
        "distill: pld: head is -1, must not be negative");
}

TEST_CASE("pld: the student is at temperature 1 whatever the teacher's is") {
  const auto p = harness::random_problem<double>(3, 7, 76);
  for (const double temperature : {1.0, 2.5}) {
    const pld o{.temperature = temperature};
    std::vector<double> to_temperature(3), gradient(p.student.size());
    distill::gradients<double> out;
    out.student = distill::matrix_view<double>(gradient.data(), 3, 7);
    out.temperature = distill::matrix_view<double>(to_temperature.data(), 3, 1);
    const auto in = harness::inputs_of(o, p);
    distill::value_and_gradient(o, in, out, {.reduction = distill::reduction::sum()});
    const auto at = [&](double t) {
      return distill::value(pld{.temperature = t}, in, {.reduction = distill::reduction::sum()}).value;
    };
    const double h = 1e-4, slope = (at(temperature + h) - at(temperature - h)) / (2 * h);
    CHECK(to_temperature[0] + to_temperature[1] + to_temperature[2] == doctest::Approx(slope).epsilon(1e-6));
  }
}
