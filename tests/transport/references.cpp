// The solver against values and slopes with 50 digits, written by tests/reference/generate_transport.py.
#include <distill/transport/solve.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

namespace {

using distill::index;
using distill::transport_form;
using distill::transport_gradient;
using distill::transport_value;
using numbers = std::vector<double>;

struct reference {
  std::string text;
  std::map<std::string, std::string> parameters;
  index rows = 0, columns = 0;
  std::map<std::string, numbers> data;

  double number(const std::string& name, double fallback) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? fallback : std::stod(found->second);
  }
};

std::vector<reference> references() {
  std::ifstream file(DISTILL_TEST_DATA "/transport.txt");
  std::vector<reference> result;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "case") {
      result.emplace_back().text = line;
      for (std::string word; words >> word;)
        result.back().parameters[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
      continue;
    }
    if (key == "cost") words >> result.back().rows >> result.back().columns;
    numbers& to = result.back().data[key];
    for (std::string word; words >> word;) to.push_back(std::stod(word));
  }
  return result;
}

/// In units of T's rounding, relative to the largest number expected, or to `least` where that is larger.
template <class T, class A>
double ulps(const std::vector<A>& got, const numbers& expected, double least) {
  double most = least, worst = got.size() == expected.size() ? 0 : INFINITY;
  for (const double x : expected) most = std::max(most, std::abs(x));
  for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
    const double d = std::abs(static_cast<double>(got[i]) - expected[i]);
    worst = std::max(worst, std::isnan(d) ? INFINITY : d);
  }
  return worst / most / static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// Less the mean over the entries that have mass, as the file has it where a constant is free.
numbers less_the_mean(numbers v, const numbers& mass) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < v.size(); ++i)
    if (mass.empty() || mass[i] > 0) sum += v[i], ++count;
  for (double& x : v) x -= sum / count;
  return v;
}

template <class T>
void check(const reference& r, transport_form form) {
  INFO(r.text);
  CAPTURE(static_cast<int>(form));
  const bool implicit = r.parameters.at("gradient") == "implicit", cost = r.parameters.at("value") == "cost";
  distill::sinkhorn_options options{.epsilon = r.number("epsilon", 0),
                                    .iterations = static_cast<index>(r.number("iterations", 0)),
                                    .annealing = {r.number("start", 0), r.number("ratio", 0.5)},
                                    .form = form,
                                    .value = cost ? transport_value::cost : transport_value::entropic,
                                    .gradient = implicit ? transport_gradient::implicit : transport_gradient::unrolled};
  const std::vector<T> costs(r.data.at("cost").begin(), r.data.at("cost").end());
  const auto given = [&](const char* name) { return r.data.count(name) ? r.data.at(name) : numbers(); };
  const numbers a = given("source"), b = given("target");
  std::vector<T> slope(costs.size());
  numbers source(static_cast<std::size_t>(r.rows)), target(static_cast<std::size_t>(r.columns));
  distill::transport_workspace<T> workspace;
  const auto result = distill::solve_transport<T>({{costs.data(), r.rows, r.columns}, a, b}, options,
                                                  {{slope.data(), r.rows, r.columns}, source, target}, workspace);
  if (implicit) source = less_the_mean(source, a), target = less_the_mean(target, b);
  // Exponents (f + g − C)/ε round by their own size, and with them everything; the slopes of Σ P C through finitely
  // many iterations are differences of numbers as large again. Earlier, larger ε magnify.
  double most = 0;
  for (const T c : costs) most = std::max(most, std::abs(static_cast<double>(c)));
  const double scale = std::max(most, options.epsilon);  // slopes to masses are differences of costs
  const double size = 1 + most / options.epsilon, growth = std::max(1.0, options.annealing.start / options.epsilon);
  // A mass of 1e-26 divides sums over masses of 1.
  double least = 1;
  for (const numbers& masses : {a, b})
    for (const double x : masses) least = x > 0 ? std::min(least, x) : least;
  const double bound = (least < 1e-9 ? 1000 : 20) * size * growth,
               to_cost_bound = cost && !implicit ? bound * std::max(1.0, size / 10) : bound;
  const double value = ulps<T>(std::vector<double>{result.value}, r.data.at("value"), scale / 10);
  const double to_cost = ulps<T>(slope, r.data.at("gradient_cost"), 0.01);
  const double to_source = ulps<T>(source, r.data.at("gradient_source"), scale);
  const double to_target = ulps<T>(target, r.data.at("gradient_target"), scale);
  CHECK(value <= bound);
  CHECK(to_cost <= to_cost_bound);
  CHECK(to_source <= bound);
  CHECK(to_target <= bound);
  if (sizeof(T) == 8 && r.data.count("marginal_error"))
    CHECK(result.marginal_error == doctest::Approx(r.data.at("marginal_error")[0]).epsilon(1e-9));
}

TEST_CASE("transport against 50 digits") {
  const auto all = references();
  CHECK(all.size() >= 20);
  for (const reference& r : all)
    for (const auto form : {transport_form::log_domain, transport_form::scaling}) {
      check<double>(r, form);
      check<float>(r, form);
    }
}

}  // namespace
