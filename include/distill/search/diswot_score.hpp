// How well an untrained student fits a teacher.
#pragma once

#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "head_gradient.hpp"
#include "relation_distance.hpp"
#include "semantic_distance.hpp"

DISTILL_NAMESPACE_BEGIN

/// What a network makes of n samples.
template <class T>
struct diswot_outputs {
  matrix_view<const T> map{};          ///< n × D: the last feature map before the pooling, flattened
  matrix_view<const T> penultimate{};  ///< n × d: what the linear head sees
  matrix_view<const T> logits{};       ///< n × C
};

/// Which distances count. The published programs take one of them each, the paper their sum. They are of different
/// size: between untrained networks the semantic distance is near 2, the relation distance of 64 samples below 1/50, so
/// the sum orders students as the semantic distance does.
struct diswot_terms {
  bool relation = true;
  bool semantic = true;
  double floor = 1e-12;  ///< of semantic_distance
};

/// The score and what it is made of; a distance that does not count is 0.
struct diswot_result {
  double score = 0;
  double relation = 0;
  double semantic = 0;
};

/// DisWOT: −(D_sem + D_rel) between two untrained networks; the larger, the better the student learns from this
/// teacher. Maps may have any width on each side. The semantic distance needs students as wide before the head as the
/// teacher. Source: P. Dong, L. Li, Z. Wei, "DisWOT: Student architecture search for distillation without training",
/// CVPR 2023, arXiv 2303.15678.
///
/// @param labels  n classes, for the semantic distance; -100 where none is known
/// @throws argument_error  neither distance counts, shapes that do not fit, widths that differ
template <class T>
diswot_result diswot_score(const diswot_outputs<T>& student, const diswot_outputs<T>& teacher, const index_view& labels,
                           const diswot_terms& terms = {}) {
  if (!terms.relation && !terms.semantic)
    fail("diswot_score: neither the relation nor the semantic distance counts, one of them expected");
  if (terms.semantic && student.penultimate.columns != teacher.penultimate.columns)
    fail("diswot_score: penultimate of the student has width ", student.penultimate.columns, ", of the teacher ",
         teacher.penultimate.columns, ", equal widths expected where the semantic distance counts");
  if (terms.semantic && student.logits.columns != teacher.logits.columns)
    fail("diswot_score: logits of the student have ", student.logits.columns, " classes, of the teacher ",
         teacher.logits.columns);
  diswot_result result;
  if (terms.relation) result.relation = relation_distance(student.map, teacher.map);
  if (terms.semantic) {
    index known = 0;
    for (index i = 0; i < labels.size(); ++i) known += labels[i] >= 0;
    if (known == 0)  // both gradients would be 0, and every student the best
      fail("diswot_score: of ", labels.size(), " labels ", known, " are known, at least 1 expected");
    const index classes = student.logits.columns, width = student.penultimate.columns;
    std::vector<T> memory(static_cast<std::size_t>(2 * classes * width));
    const matrix_view<T> s(memory.data(), classes, width), t(memory.data() + classes * width, classes, width);
    head_gradient(student.logits, student.penultimate, labels, s);
    head_gradient(teacher.logits, teacher.penultimate, labels, t);
    result.semantic = semantic_distance(matrix_view<const T>(s), matrix_view<const T>(t), terms.floor);
  }
  result.score = -(result.semantic + result.relation);
  return result;
}

DISTILL_NAMESPACE_END
