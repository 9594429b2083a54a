// A published method as a whole.
#pragma once

#include <vector>

#include "../config.hpp"
#include "../nn/network.hpp"
#include "../nn/parameter.hpp"
#include "../nn/tape.hpp"
#include "lesson.hpp"

DISTILL_NAMESPACE_BEGIN

/// How a student learns from a lesson: losses, what learns along with it, what changes from step to step. The published
/// ones are in namespace `recipes`, one header each.
///
///     recipes::pld<float> method;
///     const auto learned = learned_by(method, student);                          // once
///     …
///     const double loss = learn(method, student, learned, {.input = …, .labels = …, .teacher = …}, adam, rate, tape);
///
/// A recipe serves one student and one tape at a time and keeps its scratch: a step like the one before allocates
/// nothing, unless it says so. A term of weight 0 still wants its part of the lesson.
template <class T>
class recipe {
 public:
  virtual ~recipe() = default;

  /// Runs the student on the lesson, records what is to be minimised and returns its value; tape.backward() is next.
  /// @throws argument_error  names the part of the lesson that is missing or does not fit
  virtual double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) = 0;
  /// What learns along with the student: projectors, the other network. At addresses that stay.
  virtual std::vector<nn::parameter<T>*> parameters() { return {}; }
};

/// The student's parameters, then the recipe's own.
template <class T>
std::vector<nn::parameter<T>*> learned_by(recipe<T>& method, nn::network<T>& student) {
  std::vector<nn::parameter<T>*> all = student.parameters();
  const std::vector<nn::parameter<T>*> own = method.parameters();
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

/// One step: records, differentiates, and lets the optimiser change `learned`, which is learned_by(method, student).
/// Returns the loss before the step.
template <class T, class Optimiser>
double learn(recipe<T>& method, nn::network<T>& student, const std::vector<nn::parameter<T>*>& learned,
             const lesson<T>& lesson, Optimiser& optimiser, double rate, nn::tape<T>& tape) {
  nn::zero_gradients(learned);
  const auto clean = nn::detail::at_exit([&] { tape.reset(); });  // a lesson that does not fit leaves nothing behind
  const double loss = method.record(tape, student, lesson);
  tape.backward();
  optimiser.step(learned, rate, tape.resources());
  return loss;
}

DISTILL_NAMESPACE_END
