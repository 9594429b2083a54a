// Things that a flag chooses by name.
#pragma once

#include <stdexcept>
#include <string>

namespace example {

/// The one of `all` whose name_of() is `name`. Throws a sentence that lists the names.
template <class All, class NameOf>
const typename All::value_type& called(const All& all, const std::string& name, const std::string& option,
                                       const NameOf& name_of) {
  std::string names;
  for (const auto& known : all) {
    if (name == name_of(known)) return known;
    names += (names.empty() ? "" : ", ") + std::string(name_of(known));
  }
  throw std::invalid_argument(option + ": there is no " + name + "; known: " + names);
}

}  // namespace example
