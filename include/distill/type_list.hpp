// A list of types to go through: what the catalogues are.
#pragma once

#include "config.hpp"

DISTILL_NAMESPACE_BEGIN

template <class... Types>
struct type_list {
  /// Calls f(a value of the type, as it is by default) for each.
  template <class F>
  static constexpr void each(F&& f) {
    (f(Types{}), ...);
  }
  /// Calls f.operator()<Type>() for each: for types that cannot be made out of nothing.
  template <class F>
  static constexpr void each_type(F&& f) {
    (f.template operator()<Types>(), ...);
  }
};

DISTILL_NAMESPACE_END
