// A row objective as one node of the tape.
#pragma once

#include <initializer_list>

#include "../config.hpp"
#include "../row/evaluate.hpp"
#include "detail/known_gradients.hpp"
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
/// Over dual numbers (second_order.hpp) the value carries its slope, the gradients theirs.
/// Keeps the engine's scratch: a step like the one before allocates nothing. One criterion serves one tape at a time.
template <class T, row_objective X>
class criterion {
 public:
  using result = evaluation<sum_of<X>::leaves, wide<T>>;

  explicit criterion(const X& objective) : objective_(objective) {}

  /// What the next call applies: for numbers that change from step to step.
  X& objective() { return objective_; }

  /// Records the loss of `logits` (batch × classes) and returns its value; tape.backward() starts from it.
  /// @throws argument_error  what value_and_gradient() throws
  result operator()(tape<T>& t, variable logits, const criterion_targets<T>& targets) {
    return record(t, {logits}, targets);
  }
  /// With a teacher on the same tape, which gets its gradient, too: networks that learn from each other, labels that
  /// are learned. @throws argument_error  targets that name a teacher of their own, too; what value_and_gradient()
  /// throws
  result operator()(tape<T>& t, variable logits, variable teacher, criterion_targets<T> targets = {}) {
    if (targets.teacher) fail("criterion: teacher is given as a variable and in targets, one of them expected");
    targets.teacher = t.value(teacher).matrix();
    return record(t, {logits, teacher}, targets);
  }

 private:
  result record(tape<T>& t, std::initializer_list<variable> inputs, const criterion_targets<T>& targets) {
    const batch<T> in{
        .student = t.value(*inputs.begin()).matrix(), .teacher = targets.teacher, .labels = targets.labels};
    row_options options = targets.options;
    options.execution = t.resources();
    options.store = store_mode::overwrite;  // into memory of the node's own
    const detail::known_gradients<T> gradient = detail::room_for_gradients(t, inputs);
    if (!gradient[0] && !gradient[1]) return value(objective_, in, options, workspace_);
    gradients<T> out;
    if (gradient[0]) out.student = gradient[0].matrix();
    if (gradient[1]) out.teacher = gradient[1].matrix();
    const result r = value_and_gradient(objective_, in, out, options, workspace_);
    detail::record_loss(t, static_cast<T>(r.value), inputs, gradient);
    return r;
  }

  X objective_;
  row_workspace<T> workspace_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
