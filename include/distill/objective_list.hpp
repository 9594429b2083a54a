// A list of types to go through: what the catalogues are.
#pragma once

#include "config.hpp"

DISTILL_NAMESPACE_BEGIN

template <class... Objectives>
struct objective_list {
  /// Calls f(objective with default parameters) for each.
  template <class F>
  static constexpr void each(F&& f) {
    (f(Objectives{}), ...);
  }
};

DISTILL_NAMESPACE_END
