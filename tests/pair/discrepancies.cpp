// Distances between sets of points, and between the stages of two networks.
#include <distill/objective/fsp.hpp>
#include <distill/objective/gaussian_mmd.hpp>
#include <distill/objective/linear_mmd.hpp>
#include <distill/objective/nst.hpp>
#include <distill/objective/polynomial_mmd.hpp>

#include "harness/pair.hpp"

using harness::parameters;

TEST_CASE("nst") {
  harness::pair_battery(distill::nst{}, {.items = 2, .student = {4, 6}, .teacher = {7, 6}});
  harness::pair_references("nst", [](const parameters&) { return distill::nst{}; },
                           {.value = 4000});  // of nearly equal sets: a difference of means
}

TEST_CASE("polynomial_mmd") {
  harness::pair_battery(distill::polynomial_mmd{}, {.student = {4, 6}, .teacher = {7, 6}});
  harness::pair_battery(distill::polynomial_mmd{.degree = 3, .offset = 0}, {.student = {4, 6}, .teacher = {7, 6}});
  harness::pair_references("polynomial_mmd",
                           [](const parameters& p) {
                             return distill::polynomial_mmd{static_cast<int>(p["degree"]), p["offset"]};
                           },
                           {.value = 4000});
}

TEST_CASE("gaussian_mmd") {
  harness::pair_battery(distill::gaussian_mmd{.width = 9}, {.student = {4, 6}, .teacher = {7, 6}});
  harness::pair_references("gaussian_mmd",
                           [](const parameters& p) {
                             return distill::gaussian_mmd{static_cast<int>(p["kernels"]), p["width"]};
                           },
                           {.value = 4000});
}

TEST_CASE("linear_mmd") {
  harness::pair_battery(distill::linear_mmd{}, {.student = {4, 6}, .teacher = {7, 6}});
  harness::pair_references("linear_mmd", [](const parameters&) { return distill::linear_mmd{}; });
}

TEST_CASE("fsp") {
  harness::pair_battery(
      distill::fsp{},
      {.items = 2, .student = {3, 6}, .teacher = {3, 9}, .student_next = {4, 6}, .teacher_next = {4, 9}});
  harness::pair_references("fsp", [](const parameters&) { return distill::fsp{}; });
}
