// A layer made of layers.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Owns layers under names of the deriving class's choice. A layer "attention" within one that is itself placed at "3"
/// calls itself "layer 3.attention, …" in errors and its parameters "3.attention.weight", "3.attention.bias".
template <class T>
class container : public layer<T> {
 public:
  using layer<T>::layer;

  /// Every parameter of every layer, in order, at addresses that stay: take the list once, before the training loop.
  std::vector<parameter<T>*> parameters() override { return parameters_; }
  std::vector<parameter<T>*> buffers() override { return buffers_; }

 protected:
  /// Takes a layer in. Returns it, at an address that stays. @throws argument_error  a name for two parameters: what
  /// is saved could not be told apart
  template <class Layer>
  requires std::is_base_of_v<layer<T>, Layer> Layer& adopt(const std::string& place, Layer added) {
    auto owned = std::make_unique<Layer>(std::move(added));
    Layer& result = *owned;
    result.place_at(place);
    const std::vector<parameter<T>*> learned = result.parameters(), kept = result.buffers();
    check_names(learned, parameters_);
    check_names(kept, buffers_);
    layers_.push_back(std::move(owned));
    parameters_.insert(parameters_.end(), learned.begin(), learned.end());
    buffers_.insert(buffers_.end(), kept.begin(), kept.end());
    return result;
  }
  const layer<T>& child(index i) const { return *layers_[static_cast<std::size_t>(i)]; }
  index children() const { return static_cast<index>(layers_.size()); }

  void name_place(const std::string& place) override {
    layer<T>::name_place(place);
    for (const auto& owned : layers_) owned->name_place(place);
  }

 private:
  void check_names(const std::vector<parameter<T>*>& added, const std::vector<parameter<T>*>& present) const {
    for (const parameter<T>* p : added)
      for (const parameter<T>* other : present)
        if (p->name == other->name)
          fail(this->name, ": ", p->name, " is there already, a layer at another place expected");
  }

  std::vector<std::unique_ptr<layer<T>>> layers_;
  std::vector<parameter<T>*> parameters_, buffers_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
