// A row objective as one node of the tape.
#pragma once

#include "../config.hpp"
#include "../row/evaluate.hpp"
#include "detail/hand_on.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// What to compare the logits with: batch × classes targets, labels, and how rows are weighted and reduced.
template <class T>
struct criterion_targets {
  row_input<T> teacher{};
  index_view labels{};
  row_options options{};
};

/// Applies a row objective to logits on a tape. Value and gradient come from one fused pass at the time of the call, so
/// the node only has to hand the gradient on.
///
///     nn::criterion<float, decltype(loss)> criterion(loss);
///     const auto value = criterion(tape, logits, {.teacher = teacher_logits, .labels = labels});
///     tape.backward();
///
/// Keeps the engine's scratch: a step like the one before allocates nothing. One criterion serves one tape at a time.
template <class T, row_objective X>
class criterion {
 public:
  using result = evaluation<sum_of<X>::leaves>;

  explicit criterion(const X& objective) : objective_(objective) {}

  /// Records the loss of `logits` (batch × classes) and returns its value; tape.backward() starts from it.
  /// @throws argument_error  what value_and_gradient() throws
  result operator()(tape<T>& t, variable logits, const criterion_targets<T>& targets) {
    const batch<T> in{.student = t.value(logits).matrix(), .teacher = targets.teacher, .labels = targets.labels};
    if (!t.needs_gradient(logits)) return value(objective_, in, options_of(t, targets), workspace_);
    const tensor_view<T> gradient = t.allocate(t.shape(logits));
    const result r =
        value_and_gradient(objective_, in, {.student = gradient.matrix()}, options_of(t, targets), workspace_);
    t.record_loss(static_cast<T>(r.value), {logits}, [gradient](tape<T>& on, variable self) {
      detail::hand_on(on, on.input(self, 0), gradient, *on.gradient(self).data);
    });
    return r;
  }

 private:
  static row_options options_of(const tape<T>& t, const criterion_targets<T>& targets) {
    row_options options = targets.options;
    options.execution = t.resources();
    options.store = store_mode::overwrite;  // into memory of the node's own
    return options;
  }

  X objective_;
  row_workspace<T> workspace_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
