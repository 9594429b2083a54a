// A pair objective as one node of the tape.
#pragma once

#include <initializer_list>

#include "../config.hpp"
#include "../pair/evaluate.hpp"
#include "detail/known_gradients.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// What one item is: all samples of the batch, features flattened; or one sample, channels in rows, pixels in columns.
enum class feature_view { samples, maps };

/// Applies a pair objective to features on a tape: between a layer of the student and a layer of the teacher.
///
///     nn::feature_criterion<float, rkd> criterion(rkd{});
///     const double value = criterion(tape, features, teacher_features);
///     tape.backward();
///
/// Keeps the engine's scratch: a step like the one before allocates nothing. One criterion serves one
/// tape at a time.
template <class T, pair_objective X>
class feature_criterion {
 public:
  explicit feature_criterion(const X& objective, feature_view how = feature_view::samples)
      : objective_(objective), how_(how) {}

  /// What the next call applies: for numbers that change from step to step.
  X& objective() { return objective_; }

  /// Records weight · loss and returns the loss; tape.backward() starts from it.
  /// @throws argument_error  maps that are not of rank 4, what value_and_gradient() throws
  double operator()(tape<T>& t, variable features, const feature_stack<const T>& teacher, double weight = 1) {
    return record(t, {features}, {.student = stack(t.value(features)), .teacher = teacher}, weight);
  }
  /// For objectives between two stages of each network.
  double operator()(tape<T>& t, variable features, variable next, const feature_stack<const T>& teacher,
                    const feature_stack<const T>& teacher_next, double weight = 1) {
    return record(t, {features, next},
                  {.student = stack(t.value(features)),
                   .teacher = teacher,
                   .student_next = stack(t.value(next)),
                   .teacher_next = teacher_next},
                  weight);
  }

 private:
  double record(tape<T>& t, std::initializer_list<variable> inputs, const feature_pair<T>& in, double weight) {
    const pair_options options{.upstream = weight, .execution = t.resources()};
    const detail::known_gradients<T> gradient = detail::room_for_gradients(t, inputs);
    feature_gradients<T> out;
    if (gradient[0]) out.student = stack(gradient[0]);
    if (gradient[1]) out.student_next = stack(gradient[1]);
    const double result = value_and_gradient(objective_, in, out, options, workspace_);
    detail::record_loss(t, static_cast<T>(weight * result), inputs, gradient);
    return result;
  }

  template <class U>
  feature_stack<U> stack(const tensor_view<U>& x) const {
    if (how_ == feature_view::samples) return feature_stack<U>(x.matrix());
    if (x.shape.rank() != 4)
      fail("feature_criterion: maps are ", x.shape.text(), ", of rank ", x.shape.rank(), ", 4 expected");
    return channel_maps(x.data, {x.shape[0], x.shape[1], x.shape[2], x.shape[3]});
  }

  X objective_;
  feature_view how_;
  pair_workspace<T> workspace_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
