// Values and gradients against the reference files, in one line of an objective's test.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "harness/measure.hpp"

namespace harness {

/// In ULP as measure.hpp counts them: of the value, and of gradient entries beyond the rounding of z - max.
struct accuracy_bounds {
  double value_ulp = 16;
  double gradient_ulp = 16;
  common_shift shift = common_shift::cancels;
  bool may_overflow = false;  // +inf where a ratio of probabilities leaves the number type, though the value would not
};

/// What every test measured in this process, for tools/accuracy.
struct named_record {
  std::string name, type;
  accuracy_record record;
};
inline std::vector<named_record>& measured() {
  static std::vector<named_record> records;
  return records;
}

namespace detail {

template <class T, class Make>
void check_references(const std::string& name, const Make& make_objective, const accuracy_bounds& bounds) {
  const auto check = [&](const reference_case& c, const case_errors& errors) {
    INFO(name << " of row " << c.description() << ", " << sizeof(T) << " bytes");
    CHECK((bounds.may_overflow || !errors.overflowed));
    if (errors.overflowed) return;
    CHECK(errors.value <= bounds.value_ulp);
    CHECK(errors.worst_beyond() <= bounds.gradient_ulp);
  };
  const accuracy_record record = measure<T>(name, make_objective, bounds.shift, check);
  CHECK(record.cases > 0);
  measured().push_back({name, sizeof(T) == sizeof(float) ? "float" : "double", record});
}

}  // namespace detail

/// Every case of tests/reference/<name>.txt in float and double; make_objective(parameters) is the objective, or
/// make_objective(reference_case) where it depends on the row.
template <class Make>
void against_references(const std::string& name, const Make& make_objective, const accuracy_bounds& bounds = {}) {
  detail::check_references<float>(name, make_objective, bounds);
  detail::check_references<double>(name, make_objective, bounds);
}

}  // namespace harness
