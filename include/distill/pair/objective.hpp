// What a pair objective is: what becomes of student and teacher features, and how the results are compared.
#pragma once

#include <concepts>
#include <string_view>

#include "../config.hpp"
#include "chain.hpp"
#include "comparison.hpp"
#include "features.hpp"

DISTILL_NAMESPACE_BEGIN

/// Facts about a pair objective that tests, tables and bindings read: `static constexpr pair_info info{...}`.
struct pair_info {
  std::string_view name;         ///< as users write it
  std::string_view formula{};    ///< the value of one item
  std::string_view source{};     ///< paper and equation, code
  std::string_view input{};      ///< what rows and columns of an item are
  std::string_view systems{};    ///< published methods that use it
  bool nonnegative = true;       ///< value >= 0 for every input
  bool zero_at_equality = true;  ///< value 0 and gradient 0 where student = teacher
  bool same_width = false;       ///< student and teacher rows have the same length
  bool smooth = true;            ///< differentiable wherever no two rows coincide and no row is zero
};

namespace detail {

template <class O>
auto student_chain(const O& o, const feature_shape& student, const feature_shape& teacher) {
  if constexpr (requires { o.representation(student, teacher); })
    return o.representation(student, teacher);
  else
    return o.representation();
}
template <class O>
auto teacher_chain(const O& o, const feature_shape& student, const feature_shape& teacher) {
  if constexpr (requires { o.teacher_representation(student, teacher); })
    return o.teacher_representation(student, teacher);
  else
    return student_chain(o, teacher, student);
}

}  // namespace detail

/// Mathematics and hyper-parameters; engines run the loops. An aggregate with
///   static constexpr pair_info info{...}
///   auto representation() const             chain of stages from features to what is compared; or
///   auto representation(feature_shape own, feature_shape other) const, where it depends on the shapes
///   auto comparison() const                 see comparison.hpp
/// Optional members:
///   auto teacher_representation(feature_shape student, feature_shape teacher) const    where the sides differ
///   void validate(feature_shape student, feature_shape teacher) const                  throws argument_error
///   static constexpr item_kind items = …    what an item is made of; default item_kind::pair
template <class O>
concept pair_leaf = requires(const O o) {
  { O::info } -> std::convertible_to<pair_info>;
  o.comparison();
}
&&(
    requires(const O o) { o.representation(); } ||
    requires(const O o, const feature_shape& shape) { o.representation(shape, shape); });

/// What the engine hands to the chains for one item.
enum class item_kind {
  pair,     ///< student features to one, teacher features to the other
  joined,   ///< the rows of both, student's first, to one chain; its result is all that is compared
  anchors,  ///< as pair, once for every row i: the rows less row i
  stages,   ///< as pair, with the rows of the same network's next stage below
};

namespace detail {

template <class O>
consteval item_kind items_of() {
  if constexpr (requires { O::items; })
    return O::items;
  else
    return item_kind::pair;
}

}  // namespace detail
DISTILL_NAMESPACE_END
