// Everything about a call on a pair objective that is not data.
#pragma once

#include "../config.hpp"
#include "../core/parallel.hpp"
#include "../row/batch.hpp"

DISTILL_NAMESPACE_BEGIN

struct pair_options {
  double upstream = 1;  ///< ∂(final loss)/∂(this value)
  store_mode store = store_mode::overwrite;
  distill::execution execution{};
};

DISTILL_NAMESPACE_END
