// What the metrics of retrieval share: checks, and the documents that a query finds.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <numeric>
#include <vector>

#include "../../config.hpp"
#include "../../core/error.hpp"
#include "../../core/matrix_view.hpp"
#include "logits.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// A matrix_view or an Eigen matrix of grades: integers of any width, bool, or what logits are.
template <class M>
concept grade_matrix = requires(const M& m) {
  static_cast<double>(*const_view(m).data);
};

/// @throws argument_error  no queries or no documents, shapes that differ, k < 1, a grade below 0 or no number
template <class S, class R>
void check_retrieval(const char* metric, const matrix_view<const S>& scores, const matrix_view<const R>& relevance,
                     index k) {
  check_logits(metric, "scores", scores);
  if (relevance.rows != scores.rows || relevance.columns != scores.columns)
    fail(metric, ": relevance is ", relevance.rows, " x ", relevance.columns, ", scores is ", scores.rows, " x ",
         scores.columns);
  if (k < 1) fail(metric, ": k is ", k, ", at least 1 expected");
  for (index q = 0; q < scores.rows; ++q)
    for (index p = 0; p < scores.columns; ++p)
      if (const auto grade = static_cast<double>(relevance(q, p)); !(grade >= 0 && std::isfinite(grade)))
        fail(metric, ": relevance(", q, ", ", p, ") is ", grade, ", 0 or a positive number expected");
}

/// The k documents with the largest scores, the largest first; of equal scores the document with the lower number
/// comes first. Keeps its memory from query to query.
class best_documents {
 public:
  /// False if a score is NaN: there is no order then.
  template <class S>
  bool find(const matrix_view<const S>& scores, index query, index k) {
    order_.resize(static_cast<std::size_t>(scores.columns));
    std::iota(order_.begin(), order_.end(), index{0});
    for (const index p : order_)
      if (std::isnan(static_cast<double>(scores(query, p)))) return false;
    found_ = std::min(k, scores.columns);
    std::partial_sort(order_.begin(), order_.begin() + found_, order_.end(), [&](index a, index b) {
      const auto left = static_cast<double>(scores(query, a)), right = static_cast<double>(scores(query, b));
      return left > right || (left == right && a < b);
    });
    return true;
  }
  auto begin() const { return order_.begin(); }
  auto end() const { return order_.begin() + found_; }

 private:
  std::vector<index> order_;
  index found_ = 0;
};

}  // namespace detail
DISTILL_NAMESPACE_END
