// All parameters of a network at once: as one flat vector, by name, by part.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "parameter.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

namespace detail {
/// One array of each parameter, one after the other.
template <class T, class Array>
void copy_arrays(const char* where, const std::vector<parameter<T>*>& parameters, std::span<T> to, const Array& of) {
  require_elements(where, "to", std::ssize(to), count_elements(parameters));
  T* out = to.data();
  for (const parameter<T>* p : parameters) out = std::copy_n(of(*p).data, p->size(), out);
}
}  // namespace detail

/// Writes all values, one parameter after the other. @throws argument_error  `to` of another size
template <class T>
void copy_values(const std::vector<parameter<T>*>& parameters, std::span<std::type_identity_t<T>> to) {
  detail::copy_arrays("copy_values", parameters, to, [](const parameter<T>& p) { return p.value(); });
}
/// The same of the gradients.
template <class T>
void copy_gradients(const std::vector<parameter<T>*>& parameters, std::span<std::type_identity_t<T>> to) {
  detail::copy_arrays("copy_gradients", parameters, to, [](const parameter<T>& p) { return p.gradient(); });
}
/// All values, one parameter after the other: a point θ.
template <class T>
std::vector<T> flat_values(const std::vector<parameter<T>*>& parameters) {
  std::vector<T> result(static_cast<std::size_t>(count_elements(parameters)));
  copy_values(parameters, result);
  return result;
}
/// All gradients, one parameter after the other.
template <class T>
std::vector<T> flat_gradients(const std::vector<parameter<T>*>& parameters) {
  std::vector<T> result(static_cast<std::size_t>(count_elements(parameters)));
  copy_gradients(parameters, result);
  return result;
}
/// The way back. @throws argument_error  `values` of another size, before anything changes
template <class T>
void assign_values(const std::vector<parameter<T>*>& parameters, std::span<const std::type_identity_t<T>> values) {
  detail::require_elements("assign_values", "values", std::ssize(values), count_elements(parameters));
  const T* from = values.data();
  for (const parameter<T>* p : parameters) {
    std::copy_n(from, p->size(), p->value().data);
    from += p->size();
  }
}

/// The parameter of this name. @throws argument_error  naming those there are, if it is none of them
template <class T>
parameter<T>& find_parameter(const std::vector<parameter<T>*>& parameters, std::string_view name) {
  for (parameter<T>* p : parameters)
    if (p->name == name) return *p;
  std::string known;
  for (const parameter<T>* p : parameters) known += (known.empty() ? "" : ", ") + p->name;
  fail("find_parameter: no parameter is called \"", std::string(name), "\"; there are: ", known);
}

/// Makes every parameter of a part of the network trainable or not, and returns how many: `part` is a parameter's name
/// or the place of a layer, "0" or "stem.1"; all of them if it is empty. @throws argument_error  if there is none: a
/// misspelt part would train on unnoticed
template <class T>
index set_trainable(const std::vector<parameter<T>*>& parameters, std::string_view part, bool trainable) {
  index count = 0;
  for (parameter<T>* p : parameters) {
    const std::string_view name = p->name;
    const bool whole =
        name.size() == part.size() || part.empty() || (name.size() > part.size() && name[part.size()] == '.');
    if (!name.starts_with(part) || !whole) continue;
    p->trainable = trainable;
    ++count;
  }
  if (count == 0) fail("set_trainable: no parameter lies in \"", std::string(part), "\"");
  return count;
}
/// From here on the part only hands gradients on. @throws argument_error  if there is no such part
template <class T>
index freeze(const std::vector<parameter<T>*>& parameters, std::string_view part = "") {
  return set_trainable(parameters, part, false);
}
template <class T>
index unfreeze(const std::vector<parameter<T>*>& parameters, std::string_view part = "") {
  return set_trainable(parameters, part, true);
}

}  // namespace nn
DISTILL_NAMESPACE_END
