// How sure a teacher is of each sample.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// to_i = 1 − H(softmax(z_i/T))/log C: 1 for a row with all mass on one class, 0 for a uniform one; 1 where C = 1. The
/// entropy of a difficult sample is high. −inf is a class without mass; a NaN, +inf or a row without a finite logit
/// gives NaN.
/// @param logits  n × C
/// @param to      n numbers
/// @throws argument_error  before anything is written: `to` of another size, no columns, temperature not positive
template <class T>
void certainty(const matrix_view<const T>& logits, std::span<double> to, double temperature = 1) {
  if (std::ssize(to) != logits.rows)
    fail("certainty: to has ", to.size(), " entries, logits has ", logits.rows, " rows");
  if (logits.columns < 1) fail("certainty: logits has ", logits.columns, " columns, at least 1 expected");
  if (!(temperature > 0) || std::isinf(temperature))
    fail("certainty: temperature is ", temperature, ", finite and above 0 expected");
  const double most = std::log(static_cast<double>(logits.columns));
  for (index r = 0; r < logits.rows; ++r) {
    double top = static_cast<double>(logits(r, 0));
    for (index c = 1; c < logits.columns; ++c) top = std::max(top, static_cast<double>(logits(r, c)));
    double sum = 0, moment = 0;  // Σ e^x and Σ x e^x of x = (z − top)/T
    for (index c = 0; c < logits.columns; ++c) {
      const double x = (static_cast<double>(logits(r, c)) - top) / temperature, mass = std::exp(x);
      sum += mass;
      if (mass > 0) moment += x * mass;
    }
    const double entropy = std::log(sum) - moment / sum;
    // What rounds below 0 is 0; a NaN stays.
    to[static_cast<std::size_t>(r)] = logits.columns == 1 ? 1 + 0 * sum : std::clamp(1 - entropy / most, 0.0, 1.0);
  }
}

DISTILL_NAMESPACE_END
