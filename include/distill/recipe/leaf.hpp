// Embeddings that can stand in for a larger network's.
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../nn/criterion.hpp"
#include "../nn/feature_criterion.hpp"
#include "../nn/linear.hpp"
#include "../nn/network_shapes.hpp"
#include "../nn/pooled_rows.hpp"
#include "../nn/unit_rows.hpp"
#include "../objective/embedding_distance.hpp"
#include "../objective/squared_distance.hpp"
#include "info.hpp"
#include "recipe.hpp"
#include "study.hpp"

DISTILL_NAMESPACE_BEGIN

struct leaf_options {
  index student_width = 0;        ///< of the student's last feature, after pooling
  index teacher_width = 0;        ///< of the teacher's embedding
  bool unit_length = true;        ///< the student's embedding is divided by its length
  std::vector<index> dims{};      ///< none: the whole embedding; else the first d dimensions of both, for each d
  std::vector<double> weights{};  ///< one for each of dims; none: all 1
  std::uint64_t seed = 0;         ///< of the projection
};

namespace recipes {

/// LEAF: the student's embedding is the teacher's, without labels, pairs or negatives. Queries may then be embedded by
/// the student and documents by the teacher.
///
///     u = W h + b,  y = u/‖u‖,  L = mean_i ‖y_i − t_i‖²     h the student's last feature, maps and tokens averaged
///     with dims     L = Σ_d w_d mean_i ‖norm(u_i,:d) − norm(t_i,:d)‖²
///
/// t is lesson.teacher_feature, of length 1 as a rule. The student's head is left out and learns nothing.
/// Source: Vujanic, Rueckstiess 2025, arXiv 2509.12539, as summarised; dims: Kusupati et al. 2022, arXiv 2205.13147.
template <class T>
class leaf : public recipe<T> {
 public:
  using options = leaf_options;
  static constexpr recipe_info info{.name = "leaf",
                                    .title = "LEAF",
                                    .idea = "the teacher's embeddings, from a network that can stand in for it",
                                    .source = "arXiv 2509.12539",
                                    .how = closeness::reconstructed,
                                    .classifier = false};

  /// @throws argument_error  a width below 1, dims outside the teacher's, weights that do not fit, dims of embeddings
  /// that keep their length
  explicit leaf(leaf_options o)
      : options_(checked(std::move(o))),
        projection_(options_.student_width, options_.teacher_width, options_.seed, nn::initialisation::xavier_uniform),
        unit_loss_({.dims = options_.dims, .weights = options_.weights}) {}

  /// With the widths of the study's student and features, where the options have none.
  explicit leaf(const study<T>& s, const leaf_options& o = {}) : leaf(filled(s, o)) {}

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    const matrix_view<const T>& t = lesson.teacher_feature;
    const index n = lesson.input.shape.rank() == 0 ? 0 : lesson.input.shape[0];
    if (!t || t.rows != n || t.columns != options_.teacher_width)
      fail("leaf: lesson.teacher_feature is ", t.rows, " x ", t.columns, ", ", n, " x ", options_.teacher_width,
           " expected");
    const nn::variable u = project(tape, student, tape.constant(lesson.input));
    return options_.unit_length ? unit_loss_(tape, u, t) : raw_loss_(tape, u, {.teacher = t}).value;
  }
  std::vector<nn::parameter<T>*> parameters() override { return projection_.parameters(); }

  /// The student's embeddings, n × teacher_width: what the loss compares. For use: under tape.no_gradients().
  nn::variable embed(nn::tape<T>& tape, const nn::network<T>& student, nn::variable input) const {
    const nn::variable u = project(tape, student, input);
    return options_.unit_length ? nn::unit_rows(tape, u) : u;
  }

 private:
  static leaf_options filled(const study<T>& s, leaf_options o) {
    if (o.student_width == 0)
      o.student_width = nn::pooled_rows<T>::width(nn::network_shapes(s.student, s.input).last());
    if (o.teacher_width == 0) o.teacher_width = s.teacher_features.columns;
    return o;
  }
  static leaf_options checked(leaf_options o) {
    if (o.student_width < 1 || o.teacher_width < 1)
      fail("leaf: student_width is ", o.student_width, ", teacher_width is ", o.teacher_width, ", at least 1 expected");
    for (const index d : o.dims)
      if (d < 1 || d > o.teacher_width)
        fail("leaf: dims has an entry ", d, ", 1 to teacher_width, ", o.teacher_width, ", expected");
    if (!o.weights.empty() && o.weights.size() != o.dims.size())
      fail("leaf: weights has ", o.weights.size(), " entries, dims has ", o.dims.size());
    for (const double w : o.weights)
      if (!(w >= 0 && std::isfinite(w))) fail("leaf: weights has an entry ", w, ", 0 or a positive number expected");
    if (!o.unit_length && !o.dims.empty())
      fail("leaf: dims has ", o.dims.size(), " entries without unit_length, 0 expected");
    return o;
  }

  nn::variable project(nn::tape<T>& tape, const nn::network<T>& student, nn::variable input) const {
    const auto out = student.run(tape, input);
    const nn::variable h = pooled_.forward(tape, out.last());
    if (tape.shape(h).features() != options_.student_width)
      fail("leaf: the student's last feature is ", tape.shape(h).text(), ", student_width is ", options_.student_width);
    return projection_.forward(tape, h);
  }

  leaf_options options_;
  nn::linear<T> projection_;
  nn::pooled_rows<T> pooled_;
  nn::feature_criterion<T, embedding_distance> unit_loss_;
  nn::criterion<T, squared_distance> raw_loss_{squared_distance{}};
};

}  // namespace recipes
DISTILL_NAMESPACE_END
