// What every optimiser does besides its formula.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "../../config.hpp"
#include "../../core/parallel.hpp"
#include "../../core/sweep.hpp"
#include "../parameter.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// `Slots` arrays of the shape of each parameter, zero at first, made at the first step.
template <class T, int Slots>
class optimiser_state {
 public:
  /// Calls update(size, value, gradient, slot…) on every piece of every trainable parameter.
  /// @throws argument_error  if the list is not the one of the first step
  template <class Update>
  void for_each_piece(const char* optimiser, const std::vector<parameter<T>*>& parameters, execution resources,
                      const Update& update) {
    prepare(optimiser, parameters);
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      const parameter<T>& p = *parameters[k];
      if (!p.trainable) continue;
      distill::detail::for_sweep_pieces(p.size(), resources, [&](index from, index size) {
        T* value = p.value().data + from;
        T* gradient = p.gradient().data + from;
        T* slots = slots_[k].data() + from;
        if constexpr (Slots == 1)
          update(size, value, gradient, slots);
        else
          update(size, value, gradient, slots, slots + p.size());
      });
    }
  }

  /// Slot `which` of parameter k, once a step was made.
  const T* slot(std::size_t k, index which) const { return slots_[k].data() + which * slots_[k].shape()[1]; }
  /// Calls visit("<parameter>.<name>", array) for each slot of each parameter.
  /// @throws argument_error  as above
  template <class Visitor>
  void visit(const char* optimiser, const std::vector<parameter<T>*>& parameters,
             const std::array<const char*, Slots>& names, Visitor& visit) {
    prepare(optimiser, parameters);
    for (std::size_t k = 0; k < parameters.size(); ++k)
      for (index s = 0; s < Slots; ++s)
        visit(parameters[k]->name + "." + names[static_cast<std::size_t>(s)],
              tensor_view<T>(slots_[k].data() + s * parameters[k]->size(), parameters[k]->shape()));
  }

 private:
  void prepare(const char* optimiser, const std::vector<parameter<T>*>& parameters) {
    if (slots_.empty())
      for (const parameter<T>* p : parameters) slots_.emplace_back(tensor_shape{Slots, p->size()});
    if (slots_.size() != parameters.size())
      fail(optimiser, ": ", parameters.size(), " parameters given, the first step had ", slots_.size());
    for (std::size_t k = 0; k < parameters.size(); ++k)
      if (slots_[k].shape()[1] != parameters[k]->size())
        fail(optimiser, ": parameter ", k, " (", parameters[k]->name, ") has ", parameters[k]->size(),
             " elements, in the first step it had ", slots_[k].shape()[1]);
  }

  std::vector<tensor<T>> slots_;
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
