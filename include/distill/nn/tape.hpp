// The record of one training step, and the reverse sweep over it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/parallel.hpp"
#include "../core/sweep.hpp"
#include "arena.hpp"
#include "detail/at_exit.hpp"
#include "gradient_slot.hpp"
#include "parameter.hpp"
#include "tensor_view.hpp"
#include "variable.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Records operations on tensors as they run and differentiates them in reverse order, by a loop. All memory of a step
/// comes from the tape and is kept by reset(): a step like the one before allocates nothing.
///
///     nn::tape<float> tape({.threads = 2});
///     nn::variable logits = model.forward(tape, tape.constant(images));   // images: batch × …
///     nn::variable loss = tape.record_loss(value, {logits}, backward);
///     tape.backward();                                                    // adds to the gradients of the parameters
///     optimiser.step(model.parameters(), rate);
///     tape.reset();
///
/// Layers that behave differently while they learn (batch_norm, dropout) ask the tape: train() is how it begins,
/// evaluate() is for use. A tape serves one thread at a time; the operations on it use up to `execution::threads`.
template <class T>
class tape {
 public:
  static constexpr std::size_t largest_backward = 128;

  explicit tape(execution resources = {}) : resources_(resources) {}
  tape(const tape&) = delete;
  tape& operator=(const tape&) = delete;

  // --- leaves ---

  /// Data: read where it lies, no gradient is ever computed for it. It must outlive the step.
  variable constant(const tensor_view<const T>& data) { return append(data, {}, false); }
  /// Data whose gradient is wanted: read it with gradient() after backward().
  variable differentiable(const tensor_view<const T>& data) { return append(data, {}, true); }
  /// The value of `v` as data: no gradient goes further back from here.
  variable detach(variable v) { return constant(value(v)); }
  /// What a layer reads of one of its parameters, or of what stands in its place, and where the gradient goes. A layer
  /// asks in forward and keeps the answer for backward.
  parameter_view<T> read(const parameter<T>& p) const {
    parameter_view<T> result{p.value().data, p.trainable ? p.gradient().data : nullptr};
    for (const stand_in& s : stand_ins_)
      if (s.of == &p) result = s.view;
    if (suspended_ > 0) result.gradient = nullptr;
    return result;
  }

  // --- what a stretch of code is for ---

  /// From here on layers learn: batch statistics, and dropout by the masks of number `noise`, which goes up by one at
  /// each reset().
  void train(std::uint64_t noise) {
    training_ = true;
    noise_ = noise;
  }
  void train() { train(noise_); }
  /// From here on layers are used: running statistics, no dropout.
  void evaluate() { training_ = false; }
  bool training() const { return training_; }
  std::uint64_t noise() const { return noise_; }

  /// Until the returned object ends, nothing that is recorded can be differentiated, and nothing is kept for it.
  [[nodiscard]] auto no_gradients() {
    ++suspended_;
    return detail::at_exit([this] { --suspended_; });
  }
  /// Until the returned object ends, layers read `values` in the place of `parameters`, one after the other, and add
  /// their gradients to `gradients` (none if empty; trainable or not): a network as a function of its parameters, for
  /// inner loops and trajectories. Both must outlive the step. @throws argument_error  a size that is not the sum of
  /// the parameters'
  [[nodiscard]] auto substitute(std::span<parameter<T>* const> parameters, const tensor_view<const T>& values,
                                const tensor_view<T>& gradients = {}) {
    const index size = count_elements(parameters);
    detail::require_elements("tape::substitute", "values", values.size(), size);
    if (gradients) detail::require_elements("tape::substitute", "gradients", gradients.size(), size);
    const std::size_t before = stand_ins_.size();
    index at = 0;
    for (const parameter<T>* p : parameters) {
      stand_ins_.push_back({p, {values.data + at, gradients ? gradients.data + at : nullptr}});
      at += p->size();
    }
    return detail::at_exit([this, before] { stand_ins_.resize(before); });
  }

  // --- recording ---

  /// Uninitialised memory for a result or for whatever backward needs; valid until reset().
  tensor_view<T> allocate(const tensor_shape& shape) { return {memory_.template take<T>(shape.size()), shape}; }

  /// Appends an operation with result `value` (usually from allocate()). `backward(tape, self)` is called in the
  /// reverse sweep if `self` received a gradient; it reads gradient(self) and writes or adds to the gradients of its
  /// inputs by claim_gradient, zeroed_gradient or give_gradient. It is kept by value: trivially copyable, at most
  /// `largest_backward` bytes. It is dropped if neither an input nor, by `has_parameters`, the operation itself needs a
  /// gradient.
  template <class Backward>
  variable record(const tensor_view<const T>& value, std::span<const variable> inputs, const Backward& backward,
                  bool has_parameters = false) {
    static_assert(std::is_trivially_copyable_v<Backward>, "capture pointers, views and variables, not containers");
    static_assert(sizeof(Backward) <= largest_backward, "put large state into tape.allocate() or tape.memory()");
    static_assert(alignof(Backward) <= alignof(std::max_align_t));
    const bool wanted =
        has_parameters || std::any_of(inputs.begin(), inputs.end(), [&](variable v) { return needs_gradient(v); });
    const variable self = append(value, inputs, wanted);
    if (nodes_.back().needs_gradient) {
      node& added = nodes_.back();
      std::memcpy(added.state, &backward, sizeof(Backward));
      added.backward = [](const std::byte* state, tape& t, variable v) {
        (*std::launder(reinterpret_cast<const Backward*>(state)))(t, v);
      };
    }
    return self;
  }
  template <class Backward>
  variable record(const tensor_view<const T>& value, std::initializer_list<variable> inputs, const Backward& backward,
                  bool has_parameters = false) {
    return record(value, std::span(inputs.begin(), inputs.size()), backward, has_parameters);
  }

  /// Appends a scalar that backward() starts from: the sum of all of them is differentiated, each with weight 1.
  template <class Backward>
  variable record_loss(T value, std::initializer_list<variable> inputs, const Backward& backward) {
    const tensor_view<T> scalar = allocate({1});
    *scalar.data = value;
    const variable self = record(scalar, inputs, backward);
    nodes_.back().loss = true;
    return self;
  }

  // --- reading ---

  tensor_view<const T> value(variable v) const { return at(v).value; }
  const tensor_shape& shape(variable v) const { return at(v).value.shape; }
  bool needs_gradient(variable v) const { return at(v).needs_gradient; }
  /// What the last backward() found; empty if the variable got no gradient.
  tensor_view<T> gradient(variable v) const { return {at(v).gradient, at(v).value.shape}; }
  /// The operation's inputs, in the order given to record().
  variable input(variable v, std::size_t which) const { return at(v).inputs[which]; }
  int threads() const { return resources_.count(); }
  /// The same for an operation of about `elements` additions or copies: one thread if it ends before others wake up.
  int threads(index elements) const { return elements < (index{1} << 17) ? 1 : threads(); }
  execution resources() const { return resources_; }
  /// For scratch: take after mark(), then rewind(). Claim gradients before the mark, not after.
  arena& memory() { return memory_; }

  // --- for backward functions ---

  /// The place for the whole gradient of `v`: the caller must write (or add to) every element.
  gradient_slot<T> claim_gradient(variable v) {
    node& n = at(v);
    if (!n.needs_gradient) return {};
    const bool first = n.gradient == nullptr;
    if (first) n.gradient = memory_.template take<T>(n.value.size());
    return {{n.gradient, n.value.shape}, !first};
  }
  /// The gradient of `v` to add to, zero at first; empty if `v` needs none.
  tensor_view<T> zeroed_gradient(variable v) {
    const gradient_slot<T> slot = claim_gradient(v);
    if (slot && !slot.accumulate) std::fill_n(slot.view.data, slot.view.size(), T(0));
    return slot.view;
  }
  /// Adds `gradient`, of as many elements as `v`. The tape may keep the memory (from allocate()) as the gradient
  /// itself: the caller must not use it afterwards.
  void give_gradient(variable v, const tensor_view<T>& gradient) {
    node& n = at(v);
    if (!n.needs_gradient) return;
    if (gradient.size() != n.value.size())
      fail("tape::give_gradient: gradient is ", gradient.shape.text(), ", variable is ", n.value.shape.text());
    if (n.gradient == nullptr)
      n.gradient = gradient.data;
    else
      distill::detail::add_to(n.gradient, static_cast<const T*>(gradient.data), gradient.size());
  }

  // --- stepping ---

  /// Differentiates the sum of the recorded losses. @throws argument_error  if there is none
  void backward() {
    const auto is_loss = [](const node& n) { return n.loss; };
    if (std::none_of(nodes_.begin(), nodes_.end(), is_loss)) fail("tape::backward: no loss was recorded");
    forget_gradients();
    for (node& n : nodes_)
      if (n.loss) seed(n, T(1));
    sweep_back();
  }
  /// Differentiates weight · Σ value(root): the recorded losses play no part.
  void backward(variable root, T weight = T(1)) {
    node& n = at(root);
    forget_gradients();
    seed(n, weight);
    sweep_back();
  }

  /// Forgets all nodes, keeps all memory. Variables and tensors of the step are invalid from here on.
  void reset() {
    nodes_.clear();
    memory_.reset();
    ++step_;
    if (training_) ++noise_;
  }

 private:
  struct node {
    tensor_view<const T> value;
    T* gradient = nullptr;
    const variable* inputs = nullptr;
    void (*backward)(const std::byte* state, tape& t, variable self) = nullptr;
    bool needs_gradient = false;
    bool loss = false;
    alignas(std::max_align_t) std::byte state[largest_backward];
  };

  const node& at(variable v) const {
    if (v.step != step_ || v.node < 0 || static_cast<std::size_t>(v.node) >= nodes_.size())
      fail("tape: variable ", v.node, " of step ", v.step, " used in step ", step_, ", which has ", nodes_.size(),
           " nodes");
    return nodes_[static_cast<std::size_t>(v.node)];
  }
  node& at(variable v) { return const_cast<node&>(std::as_const(*this).at(v)); }

  variable append(const tensor_view<const T>& value, std::span<const variable> inputs, bool needs_gradient) {
    variable* const kept = memory_.template take<variable>(std::ssize(inputs));
    std::copy(inputs.begin(), inputs.end(), kept);
    node& added = nodes_.emplace_back();
    added.value = value;
    added.inputs = kept;
    added.needs_gradient = needs_gradient && suspended_ == 0;
    return {static_cast<std::int32_t>(nodes_.size()) - 1, step_};
  }
  void forget_gradients() {
    for (node& n : nodes_) n.gradient = nullptr;
  }
  void seed(node& n, T weight) {
    if (!n.needs_gradient) return;
    n.gradient = memory_.template take<T>(n.value.size());
    std::fill_n(n.gradient, n.value.size(), weight);
  }
  void sweep_back() {
    for (std::size_t i = nodes_.size(); i-- > 0;) {
      const node& n = nodes_[i];
      if (n.gradient != nullptr && n.backward != nullptr)
        n.backward(n.state, *this, {static_cast<std::int32_t>(i), step_});
    }
  }

  struct stand_in {
    const parameter<T>* of;
    parameter_view<T> view;
  };
  execution resources_;
  arena memory_;
  std::vector<node> nodes_;
  std::vector<stand_in> stand_ins_;
  std::uint32_t step_ = 0;
  int suspended_ = 0;
  bool training_ = true;
  std::uint64_t noise_ = 0;
};

}  // namespace nn
DISTILL_NAMESPACE_END
