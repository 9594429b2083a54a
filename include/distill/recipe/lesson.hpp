// What a student is shown in one step.
#pragma once

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../nn/tensor_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// A batch of n samples with all that a teacher has to say of them. A recipe reads what it needs and checks that it is
/// there; whatever is viewed must outlive the step.
template <class T>
struct lesson {
  static constexpr index unlabelled = -100;

  nn::tensor_view<const T> input{};        ///< n × …, as the student's forward takes it
  index_view labels{};                     ///< n classes, `unlabelled` where none is known
  index_view classes{};                    ///< n classes: the label, or what the teacher takes the sample for
  matrix_view<const T> teacher{};          ///< n × C, the teacher's logits
  matrix_view<const T> teacher_feature{};  ///< n × d, what the teacher's head sees
  double progress = 0;                     ///< how much of the training is done, in [0, 1)
};

DISTILL_NAMESPACE_END
