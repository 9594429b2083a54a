// A model with places to look at.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "container.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Stages one after the other, a head on the last of them and, if wanted, a second head on any of them. After every
/// stage lies a tap: the feature that distillation compares.
///
///     nn::network<float> student = nn::lenet<float>({.second_outputs = 10});
///     const auto out = student.run(tape, tape.constant(images));
///     criterion(tape, out.logits, …); hint(tape, out.taps[0], teacher_features);
///
/// Parameters are called after the place of their layer: "stage1.0.weight", "head.bias".
template <class T>
class network : public container<T> {
 public:
  static constexpr std::size_t most_taps = 16;

  /// What one run has found, in order of the stages. Without a second head `second` is no variable of the tape.
  struct outputs {
    variable logits, second;
    std::array<variable, most_taps> taps;
    index tap_count = 0;

    /// The tap behind the last stage. @throws argument_error  a network without stages
    variable last() const {
      if (tap_count < 1) fail("network: it has ", tap_count, " stages, at least 1 expected for a feature");
      return taps[static_cast<std::size_t>(tap_count - 1)];
    }
  };

  explicit network(std::string called) : container<T>(std::move(called)) {}

  /// Behind those there are. @throws argument_error  more than most_taps
  template <class Layer>
  requires std::is_base_of_v<layer<T>, Layer> Layer& add_stage(const std::string& place, Layer stage) {
    if (stages_.size() == most_taps) fail(this->name, ": ", most_taps + 1, " stages, at most ", most_taps, " expected");
    Layer& added = this->adopt(place, std::move(stage));
    stages_.push_back(&added);
    return added;
  }
  /// @throws argument_error  a second call
  template <class Layer>
  requires std::is_base_of_v<layer<T>, Layer> Layer& set_head(Layer head) {
    if (head_ != nullptr) fail(this->name, ": head is set already");
    Layer& added = this->adopt("head", std::move(head));
    head_ = &added;
    return added;
  }
  /// On the feature after stage `tap`, the last one if below 0. @throws argument_error  a second call, no such stage
  template <class Layer>
  requires std::is_base_of_v<layer<T>, Layer> Layer& set_second_head(Layer head, index tap = -1) {
    if (second_ != nullptr) fail(this->name, ": second head is set already");
    const index last = std::ssize(stages_) - 1;
    if (tap > last || last < 0) fail(this->name, ": tap is ", tap, ", the last stage is ", last);
    Layer& added = this->adopt("second", std::move(head));
    second_ = &added;
    second_tap_ = tap < 0 ? last : tap;
    return added;
  }

  index stages() const { return std::ssize(stages_); }
  bool has_second_head() const { return second_ != nullptr; }

  /// @throws argument_error  what the layers throw; a network without a head
  outputs run(tape<T>& t, variable input) const {
    outputs result;
    result.logits = through(t, input, &result);
    if (second_ != nullptr) result.second = second_->forward(t, result.taps[static_cast<std::size_t>(second_tap_)]);
    return result;
  }
  /// The logits alone; the second head is left out.
  variable forward(tape<T>& t, variable input) const override { return through(t, input, nullptr); }

 private:
  variable through(tape<T>& t, variable x, outputs* kept) const {
    if (head_ == nullptr) fail(this->name, ": no head is set");
    for (const layer<T>* stage : stages_) {
      x = stage->forward(t, x);
      if (kept != nullptr) kept->taps[static_cast<std::size_t>(kept->tap_count++)] = x;
    }
    return head_->forward(t, x);
  }

  std::vector<const layer<T>*> stages_;
  const layer<T>* head_ = nullptr;
  const layer<T>* second_ = nullptr;
  index second_tap_ = 0;
};

}  // namespace nn
DISTILL_NAMESPACE_END
