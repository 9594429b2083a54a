// Reads the files that tests/reference/generate.py writes.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <distill/core/matrix_view.hpp>

namespace harness {

struct reference_row {
  std::string name;
  bool both = true;  // every logit is a float
  distill::index label = 0;
  std::vector<double> student, teacher;
  std::vector<std::size_t> columns;  // whose gradients are listed
};

/// A case's temperature and the objective's own parameters, by the name of the member that takes them.
struct parameters {
  double temperature = 1;
  std::vector<std::pair<std::string, std::string>> named;

  bool has(const std::string& name) const {
    return std::any_of(named.begin(), named.end(), [&](const auto& one) { return one.first == name; });
  }
  const std::string& word(const std::string& name) const {
    for (const auto& [own, value] : named)
      if (own == name) return value;
    throw std::out_of_range("a reference case has no parameter " + name);
  }
  double operator[](const std::string& name) const {
    const std::string& text = word(name);
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0') throw std::invalid_argument("parameter " + name + " is " + text);
    return value;
  }
};

struct reference_case {
  reference_row row;
  harness::parameters parameters;
  long double value = 0;
  long double value_size = 0;                 // Σ |terms| where terms of both signs make up the value, otherwise 0
  std::vector<long double> student, teacher;  // gradients at row.columns; teacher may be empty
  std::vector<long double> student_size, teacher_size;  // Σ |contributions|; empty where it is as usual

  std::string description() const {
    std::ostringstream text;
    text << row.name << ", T = " << parameters.temperature;
    for (const auto& [name, value_given] : parameters.named) text << ", " << name << " = " << value_given;
    return text.str();
  }
};

namespace detail {

inline std::ifstream open_reference(const std::string& name) {
  std::ifstream file(std::string(DISTILL_TEST_DATA) + "/" + name + ".txt");
  if (!file) throw std::runtime_error("cannot read " + name + ".txt in " DISTILL_TEST_DATA);
  return file;
}

template <class Number, class Parse>
std::vector<Number> numbers(std::istringstream& words, const Parse& parse) {
  std::vector<Number> result;
  for (std::string word; words >> word;) result.push_back(parse(word.c_str()));
  return result;
}

}  // namespace detail

inline std::map<std::string, reference_row> reference_rows() {
  std::map<std::string, reference_row> rows;
  reference_row row;
  std::ifstream file = detail::open_reference("rows");
  const auto exact = [](const char* word) { return std::strtod(word, nullptr); };
  for (std::string line, tag; std::getline(file, line);) {
    std::istringstream words(line);
    words >> tag;
    if (tag == "row") {
      std::size_t count = 0;
      std::string kind;
      row = {};
      words >> row.name >> count >> kind >> row.label;
      row.both = kind == "both";
      for (std::size_t c = 0; c < count; ++c) row.columns.push_back(c);
    }
    if (tag == "student") row.student = detail::numbers<double>(words, exact);
    if (tag == "teacher") row.teacher = detail::numbers<double>(words, exact);
    if (tag == "columns")
      row.columns =
          detail::numbers<std::size_t>(words, [](const char* word) { return std::strtoul(word, nullptr, 10); });
    rows[row.name] = row;
  }
  return rows;
}

inline std::vector<reference_case> reference_cases(const std::string& objective) {
  const auto rows = reference_rows();
  std::vector<reference_case> cases;
  std::ifstream file = detail::open_reference(objective);
  const auto wide = [](const char* word) { return std::strtold(word, nullptr); };
  for (std::string line, tag; std::getline(file, line);) {
    std::istringstream words(line);
    words >> tag;
    if (tag == "case") {
      std::string name;
      reference_case next;
      words >> name >> next.parameters.temperature;
      for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        next.parameters.named.emplace_back(word.substr(0, equals), word.substr(equals + 1));
      }
      next.row = rows.at(name);
      cases.push_back(next);
      continue;
    }
    const std::vector<long double> listed = detail::numbers<long double>(words, wide);
    if (tag == "value") {
      cases.back().value = listed.at(0);
      if (listed.size() > 1) cases.back().value_size = listed[1];
    }
    if (tag == "student") cases.back().student = listed;
    if (tag == "student_size") cases.back().student_size = listed;
    if (tag == "teacher") cases.back().teacher = listed;
    if (tag == "teacher_size") cases.back().teacher_size = listed;
  }
  return cases;
}

}  // namespace harness
