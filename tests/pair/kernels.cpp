// The CKA family.
#include <distill/objective/cka.hpp>
#include <distill/objective/hsic.hpp>
#include <distill/objective/kernel_alignment.hpp>
#include <distill/objective/rbf_cka.hpp>

#include "harness/pair.hpp"

using harness::parameters;

TEST_CASE("cka") {
  harness::pair_battery(distill::cka{});
  harness::pair_battery(distill::cka{}, {.student = {13, 3}, .teacher = {13, 4}, .larger = {70, 9}});  // d×d products
  harness::pair_battery(distill::cka{.unbiased = true});
}

TEST_CASE("rbf_cka") {
  harness::pair_battery(distill::rbf_cka{.width = 2});
  harness::pair_battery(distill::rbf_cka{.width = 2, .unbiased = true});
}

TEST_CASE("hsic") {
  harness::pair_battery(distill::hsic{});
  harness::pair_battery(distill::hsic{.unbiased = true});
}

TEST_CASE("kernel_alignment") { harness::pair_battery(distill::kernel_alignment{}); }
