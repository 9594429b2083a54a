// What the labels ask of a linear head.
#pragma once

#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../objective/cross_entropy.hpp"
#include "../row/evaluate.hpp"

DISTILL_NAMESPACE_BEGIN

/// The gradient of the mean cross-entropy with respect to the weights of a linear head, logits = h Wᵀ + b:
///
///     ∂L/∂W = (softmax(logits) − 1_y)ᵀ h / n
///
/// No backward pass is needed. It is also what nn::linear::weight() has after one, transposed.
/// Samples labelled -100 count as absent, also in n. Sums are in double.
///
/// @param logits   n × C
/// @param penultimate  n × d, what the head sees
/// @param labels   n classes
/// @param out      C × d, overwritten
/// @throws argument_error  before anything is written: shapes that do not fit, labels that are no class
template <class T>
void head_gradient(const matrix_view<const T>& logits, const matrix_view<const T>& penultimate,
                   const index_view& labels, const matrix_view<T>& out) {
  if (penultimate.rows != logits.rows)
    fail("head_gradient: penultimate has ", penultimate.rows, " rows, logits have ", logits.rows);
  if (out.rows != logits.columns || out.columns != penultimate.columns)
    fail("head_gradient: out is ", out.rows, " x ", out.columns, ", ", logits.columns, " x ", penultimate.columns,
         " (classes x width) expected");
  std::vector<T> slopes(static_cast<std::size_t>(logits.rows * logits.columns));
  const matrix_view<T> slope(slopes.data(), logits.rows, logits.columns);
  value_and_gradient(cross_entropy{}, batch<T>{.student = logits, .labels = labels}, gradients<T>{.student = slope},
                     {.reduction = reduction::mean_valid()});
  std::vector<double> sums(static_cast<std::size_t>(penultimate.columns));
  for (index c = 0; c < out.rows; ++c) {
    sums.assign(sums.size(), 0.0);
    for (index i = 0; i < logits.rows; ++i)
      for (index j = 0; j < out.columns; ++j)
        sums[static_cast<std::size_t>(j)] += static_cast<double>(slope(i, c)) * static_cast<double>(penultimate(i, j));
    for (index j = 0; j < out.columns; ++j) out(c, j) = static_cast<T>(sums[static_cast<std::size_t>(j)]);
  }
}

DISTILL_NAMESPACE_END
