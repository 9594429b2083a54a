#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include <distill/objective/class_mass.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("class_mass: value and gradients against 50-digit references") {
  std::vector<std::int32_t> even(2048);
  for (std::size_t c = 0; c < even.size(); c += 2) even[c] = 1;
  harness::against_references("class_mass", [&](const harness::reference_case& c) {
    distill::class_mass objective{.temperature = c.parameters.temperature};
    const auto columns = static_cast<distill::index>(c.row.student.size());
    if (c.parameters.word("classes") == "even") objective.classes = distill::index_view(even.data(), columns);
    return objective;
  });
}

TEST_CASE("class_mass: properties") { harness::battery(distill::class_mass{}); }
