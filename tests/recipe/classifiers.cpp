// Recipes for classifiers beside independent implementations: tests/reference/recipes/*.py.
#include <distill/recipe/pld.hpp>

#include "support.hpp"

namespace recipe_tests {

TEST_CASE("pld follows PyTorch") {
  course c;
  distill::recipes::pld<double> method;
  follow("pld", method, c);
}

}  // namespace recipe_tests
