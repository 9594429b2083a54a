// What is to be saved or loaded, by name. Needs nlohmann-json.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "../../config.hpp"
#include "../../io/safetensors.hpp"
#include "../../nn/parameter.hpp"

DISTILL_NAMESPACE_BEGIN
namespace train::detail {

/// Arrays and numbers where they lie, each under a name: a visitor of everything that is saved.
template <class T>
class tensor_list {
 public:
  std::string prefix;  // before every name that follows

  void operator()(const std::string& name, const nn::tensor_view<T>& array) {
    std::vector<index> extents;
    for (int axis = 0; axis < array.shape.rank(); ++axis) extents.push_back(array.shape[axis]);
    add(name, array.data, std::move(extents));
  }
  template <class Number>
  requires std::same_as<Number, index> || std::same_as<Number, std::uint64_t> || std::same_as<Number, double> ||
      std::same_as<Number, bool>
  void operator()(const std::string& name, Number& number) { add(name, &number, {}); }

  void operator()(const std::vector<nn::parameter<T>*>& parameters) {
    for (nn::parameter<T>* p : parameters) (*this)(p->name, p->value());
  }

  std::vector<safetensors_tensor> views() const {
    std::vector<safetensors_tensor> result;
    for (const entry& e : entries_) result.push_back(e.view);
    return result;
  }

  /// Compares with a file, so that filling cannot go wrong half-way. `others`: names that the file must have besides.
  /// @throws file_error  lists the tensors that are missing, unexpected, or of another type (unless `convert`) or shape
  void match(const std::filesystem::path& path, const safetensors_file& file, bool convert,
             const std::set<std::string>& others = {}) const {
    std::string missing, different, unexpected;
    std::set<std::string> known = others;
    for (const std::string& name : others)
      if (!file.find(name)) list(missing, distill::detail::printable(name));
    for (const entry& e : entries_) {
      const std::string name = distill::detail::printable(e.view.name);
      if (!known.insert(e.view.name).second) distill::detail::fail_file(path, name, " would be filled twice");
      const safetensors_tensor* found = file.find(e.view.name);
      if (!found)
        list(missing, name);
      else if (found->extents != e.view.extents || (found->type != e.view.type && !(convert && found->is_number())))
        list(different, name + " is " + found->text() + ", " + e.view.text() + " expected");
    }
    for (const safetensors_tensor& t : file.tensors)
      if (!known.contains(t.name)) list(unexpected, distill::detail::printable(t.name));
    if (missing.empty() && unexpected.empty() && different.empty()) return;
    std::string message = different;
    if (!missing.empty()) message += (message.empty() ? "missing: " : "; missing: ") + missing;
    if (!unexpected.empty()) message += (message.empty() ? "unexpected: " : "; unexpected: ") + unexpected;
    distill::detail::fail_file(path, message);
  }
  /// After match().
  void fill(const safetensors_file& file) const {
    for (const entry& e : entries_) {
      const safetensors_tensor& from = *file.find(e.view.name);
      if (from.type == safetensors_type::boolean && e.view.type == from.type)
        *static_cast<bool*>(e.memory) = from.bytes[0] != 0;
      else if (from.type == e.view.type)
        std::copy(from.bytes.begin(), from.bytes.end(), static_cast<std::uint8_t*>(e.memory));
      else
        from.copy_to(static_cast<T*>(e.memory));
    }
  }

 private:
  struct entry {
    safetensors_tensor view;  // of the same memory
    void* memory;
  };

  template <class Number>
  void add(const std::string& name, Number* data, std::vector<index> extents) {
    entries_.push_back({safetensors_tensor::of(prefix + name, data, std::move(extents)), data});
  }
  /// A thousand bytes of them tell as much as a million.
  static void list(std::string& items, const std::string& item) {
    if (items.size() < 1000)
      items += (items.empty() ? "" : ", ") + item;
    else if (!items.ends_with(", more"))
      items += ", more";
  }

  std::vector<entry> entries_;
};

}  // namespace train::detail
DISTILL_NAMESPACE_END
