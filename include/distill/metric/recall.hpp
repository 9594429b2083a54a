// How many of the relevant documents are found?
#pragma once

#include <limits>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "detail/best_documents.hpp"
#include "detail/logits.hpp"

DISTILL_NAMESPACE_BEGIN

/// Recall of the first k documents, the mean over the queries of |relevant among the first k|/|relevant|; relevant is a
/// document of a grade above 0. Below 1 for every order where more than k are. Of equal scores the document with the
/// lower number is found first. A query for which no document is relevant does not take part. k beyond the documents
/// stands for all of them; −inf puts a document last.
///
/// @param scores     Q × P, a matrix_view of any strides or an Eigen matrix; larger is nearer
/// @param relevance  Q × P grades ≥ 0, integers or floating-point numbers
/// @returns NaN if a score is NaN, or if no query has a relevant document
/// @throws argument_error  no queries or no documents, shapes that differ, k < 1, a grade below 0 or not finite
template <detail::logit_matrix S, detail::grade_matrix R>
double recall(const S& scores, const R& relevance, index k = 10) {
  const auto s = detail::const_view(scores);
  const auto grades = detail::const_view(relevance);
  detail::check_retrieval("recall", s, grades, k);
  detail::best_documents best;
  double sum = 0;
  index counted = 0;
  for (index q = 0; q < s.rows; ++q) {
    if (!best.find(s, q, k)) return std::numeric_limits<double>::quiet_NaN();
    const auto relevant = [&](index p) { return static_cast<double>(grades(q, p)) > 0 ? 1 : 0; };
    index all = 0, found = 0;
    for (index p = 0; p < s.columns; ++p) all += relevant(p);
    if (all == 0) continue;
    for (const index p : best) found += relevant(p);
    sum += static_cast<double>(found) / static_cast<double>(all);
    ++counted;
  }
  return counted == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(counted);
}

DISTILL_NAMESPACE_END
