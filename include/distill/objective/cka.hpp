#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/centred.hpp"
#include "../pair/stage/gram.hpp"

DISTILL_NAMESPACE_BEGIN

struct cka {
  static constexpr pair_info info{.name = "cka", .formula = "1 − CKA", .source = "x"};
  auto representation() const { return chain(centred_columns{}, gram{}); }
  auto comparison() const { return alignment{}; }
};

DISTILL_NAMESPACE_END
