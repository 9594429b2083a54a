// Are the relevant documents found first?
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <vector>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "detail/best_documents.hpp"
#include "detail/logits.hpp"

DISTILL_NAMESPACE_BEGIN

/// What a document of grade g is worth: g (trec_eval, BEIR) or 2^g − 1 (Burges et al. 2005). The same for grades 0, 1.
enum class relevance_gain { linear, exponential };

/// Normalised discounted cumulative gain of the first k documents, in [0, 1], the mean over the queries:
///   DCG = Σ_{i ≤ k} gain(grade of the i-th document found)/log₂(i + 1),  nDCG = DCG/(DCG of the best order)
/// Of equal scores the document with the lower number is found first. A query for which no document is relevant has no
/// nDCG: it does not take part. k beyond the documents stands for all of them; −inf puts a document last.
/// Source: Järvelin, Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20, with the
/// discount of trec_eval.
///
/// @param scores     Q × P, a matrix_view of any strides or an Eigen matrix; larger is nearer
/// @param relevance  Q × P grades ≥ 0, integers or floating-point numbers
/// @returns NaN if a score is NaN, or if no query has a relevant document
/// @throws argument_error  no queries or no documents, shapes that differ, k < 1, a grade below 0 or not finite
template <detail::logit_matrix S, detail::grade_matrix R>
double ndcg(const S& scores, const R& relevance, index k = 10, relevance_gain how = relevance_gain::linear) {
  const auto s = detail::const_view(scores);
  const auto grades = detail::const_view(relevance);
  detail::check_retrieval("ndcg", s, grades, k);
  const auto gain = [&](index q, index p) {
    const auto grade = static_cast<double>(grades(q, p));
    return how == relevance_gain::linear ? grade : std::expm1(grade * std::numbers::ln2);
  };
  std::vector<double> discounts(static_cast<std::size_t>(std::min(k, s.columns)));
  for (std::size_t i = 0; i < discounts.size(); ++i) discounts[i] = 1 / std::log2(static_cast<double>(i) + 2);
  std::vector<double> gains(static_cast<std::size_t>(s.columns));
  detail::best_documents best;
  double sum = 0;
  index counted = 0;
  for (index q = 0; q < s.rows; ++q) {
    if (!best.find(s, q, k)) return std::numeric_limits<double>::quiet_NaN();
    for (index p = 0; p < s.columns; ++p)
      if (!std::isfinite(gains[static_cast<std::size_t>(p)] = gain(q, p)))
        fail("ndcg: relevance(", q, ", ", p, ") is ", grades(q, p), ", with a finite gain expected");
    std::partial_sort(gains.begin(), gains.begin() + std::ssize(discounts), gains.end(), std::greater<>());
    if (gains[0] == 0) continue;
    double found = 0, ideal = 0;
    std::size_t i = 0;
    for (const index p : best) {
      found += discounts[i] * gain(q, p);
      ideal += discounts[i] * gains[i];
      ++i;
    }
    sum += found / ideal;
    ++counted;
  }
  return counted == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(counted);
}

DISTILL_NAMESPACE_END
