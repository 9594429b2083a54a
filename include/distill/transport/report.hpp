// What became of many transport problems, in the words of one.
#pragma once

#include <algorithm>
#include <cmath>

#include "../config.hpp"
#include "../core/error.hpp"
#include "options.hpp"

DISTILL_NAMESPACE_BEGIN

/// The worst of the problems of a call. Problems with numbers that are not finite are worth NaN and are not counted.
struct transport_report {
  transport_status status = transport_status::fixed_iterations;
  index problems = 0, not_converged = 0;
  index iterations = 0;       ///< the most that were run
  double marginal_error = 0;  ///< the largest
  double gradient_error = 0;  ///< likewise

  void add(const transport_result& one) {
    add(transport_report{one.status, 1, one.status == transport_status::not_converged, one.iterations,
                         one.marginal_error, one.gradient_error});
  }
  /// Does not depend on the order.
  void add(const transport_report& other) {
    status = std::max(status, other.status);
    problems += other.problems;
    not_converged += other.not_converged;
    iterations = std::max(iterations, other.iterations);
    marginal_error = std::max(marginal_error, other.marginal_error);
    gradient_error = std::max(gradient_error, other.gradient_error);
  }
};

namespace detail {

/// A tolerance that was not reached is never silent: the report goes to `to`, or, where there is none, an exception.
inline void conclude_transport(const transport_report& report, const sinkhorn_options& options, transport_report* to) {
  if (to)
    *to = report;
  else if (report.not_converged > 0)
    throw convergence_error(message("sinkhorn: ", report.not_converged, " of ", report.problems,
                                    " problems did not reach tolerance ", options.tolerance, " in ", options.iterations,
                                    " iterations, the largest marginal error is ", report.marginal_error));
}

}  // namespace detail
DISTILL_NAMESPACE_END
