// What a recipe is set up with.
#pragma once

#include <concepts>
#include <functional>
#include <memory>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../nn/network.hpp"
#include "../nn/tensor_shape.hpp"
#include "../state/add_probabilities.hpp"
#include "../state/class_means.hpp"
#include "lesson.hpp"
#include "recipe.hpp"

DISTILL_NAMESPACE_BEGIN

/// All that a recipe may want to know before the first lesson; each reads what it needs. Networks and `unseen` must
/// outlive the recipe, tables are not kept.
template <class T>
struct study {
  nn::network<T>& student;
  nn::network<T>& teacher;                  ///< may learn on: give a copy if it must not
  nn::tensor_shape input;                   ///< of what the student takes, 1×1×28×28 say
  matrix_view<const T> teacher_logits{};    ///< of the training set, N × C
  matrix_view<const T> teacher_features{};  ///< N × d, what the teacher's head sees: nn/pooled_rows.hpp
  index_view classes{};                     ///< N, the label or what the teacher takes the sample for
  std::function<lesson<T>()> unseen{};      ///< labelled samples that the student does not learn from

  /// Of the teacher's features, and of its probabilities, for each class.
  /// @throws argument_error  a table is missing, what class_means throws
  class_means<T> mean_features() const {
    class_means<T> means = no_means(teacher_features, "teacher_features");
    means.add(teacher_features, classes);
    return means;
  }
  class_means<T> mean_probabilities() const {
    class_means<T> means = no_means(teacher_logits, "teacher_logits");
    add_probabilities(means, teacher_logits, classes);
    return means;
  }

 private:
  class_means<T> no_means(const matrix_view<const T>& table, const char* name) const {
    if (!table) fail("study: ", name, " is ", table.rows, " x ", table.columns, ", a row for each sample expected");
    if (!teacher_logits) fail("study: teacher_logits is ", 0, " x ", 0, ", a row for each sample expected");
    return class_means<T>(teacher_logits.columns, table.columns);
  }
};

/// A recipe by its options, whatever else it wants of the study.
/// @throws argument_error  options out of range, what is missing
template <class Recipe, class T>
std::unique_ptr<recipe<T>> set_up(const study<T>& s, const typename Recipe::options& options = {}) {
  if constexpr (std::constructible_from<Recipe, const study<T>&, const typename Recipe::options&>)
    return std::make_unique<Recipe>(s, options);
  else
    return std::make_unique<Recipe>(options);
}

DISTILL_NAMESPACE_END
