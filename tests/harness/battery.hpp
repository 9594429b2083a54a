// The property battery: one line in an objective's test runs all of it, in float and double.
#pragma once

#include "harness/engine.hpp"
#include "harness/mathematics.hpp"

namespace harness {

/// What holds for every expression that an engine accepts.
template <class T, class Objective>
void check_engine(const Objective& objective, index longest = 20000) {
  CAPTURE(sizeof(T));
  splitting_a_batch_changes_no_bit<T>(objective);
  threads_change_no_bit<T>(objective, longest);
  strides_change_no_bit<T>(objective);
  one_teacher_row_serves_all<T>(objective);
  gradients_may_replace_the_logits<T>(objective);
  accumulating_adds<T>(objective);
  upstream_scales_gradients_only<T>(objective);
  rows_are_weighted_and_reduced<T>(objective);
  teacher_may_be_probabilities<T>(objective);
  produced_rows_are_rows<T>(objective);
  two_calls_equal_one<T>(objective);
  value_alone_is_the_same_value<T>(objective);
  if constexpr (distill::row_leaf<Objective>) temperatures_by_row_are_calls_by_row<T>(objective);
}

/// What follows from the metadata that the objective claims.
template <class T, class Objective>
void check_mathematics(const Objective& objective) {
  CAPTURE(sizeof(T));
  gradients_sum_to_zero<T>(objective);
  shifting_a_row_changes_nothing<T>(objective);
  never_negative<T>(objective);
  zero_where_rows_are_equal<T>(objective);
  masking_is_deletion<T>(objective);
  if constexpr (sizeof(T) == 8) gradients_are_differences(objective);
  if constexpr (sizeof(T) == 8 && (distill::separable<Objective> || distill::elementwise<Objective>))
    slopes_are_derivatives(objective);
}

/// `longest`: rows of an objective that compares all pairs of classes had better be shorter.
template <class Objective>
void battery(const Objective& objective, index longest = 20000) {
  INFO("temperature " << facts_of(objective).temperature);
  symmetric_when_claimed<float>(Objective{});  // the claim is about the default parameters
  symmetric_when_claimed<double>(Objective{});
  check_mathematics<float>(objective);
  check_mathematics<double>(objective);
  check_engine<float>(objective, longest);
  check_engine<double>(objective, longest);
}

}  // namespace harness
