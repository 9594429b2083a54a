// Reads the files that tests/reference/generate.py writes.
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
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

struct reference_case {
  reference_row row;
  double temperature = 1, parameter = 0;
  long double value = 0;
  std::vector<long double> student, teacher;  // gradients at row.columns; teacher may be empty
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
      words >> name >> next.temperature >> next.parameter;
      next.row = rows.at(name);
      cases.push_back(next);
    }
    if (tag == "value") cases.back().value = detail::numbers<long double>(words, wide).at(0);
    if (tag == "student") cases.back().student = detail::numbers<long double>(words, wide);
    if (tag == "teacher") cases.back().teacher = detail::numbers<long double>(words, wide);
  }
  return cases;
}

}  // namespace harness
