// Contrast between the class prototypes of two domains, or of two networks.
#pragma once

#include <algorithm>
#include <type_traits>

#include "../contrast/evaluate.hpp"
#include "../objective/info_nce.hpp"
#include "../state/prototypes.hpp"

DISTILL_NAMESPACE_BEGIN

/// Each class's prototype should find the other side's prototype of its class, both ways.
///   S_cc' = cos(p_c^s, p_c'^t)/τ,   value  mean_c ½ (CE(S_c, c) + CE(Sᵀ_c, c))
///   prototypes  as in info_nce with mean_of_both; prototypes::backward takes the slopes on to the features
/// Over the classes that had members on both sides in the last update; others get slope 0. One class or none: value 0.
/// A prototype of zeros has cosine 0.
///
/// Source: Ge et al. 2023 (ProKD), arXiv 2301.08855; no code is published, the form here is InfoNCE's in both
/// directions.
struct prototype_alignment {
  double temperature = 0.1;

  static constexpr pair_info info{.name = "prototype_alignment",
                                  .formula = "mean_c ½ (CE(S_c, c) + CE(Sᵀ_c, c)), S = cos(p^s, p^t)/τ",
                                  .source = "Ge et al. 2023 (ProKD), arXiv 2301.08855",
                                  .input = "classes × features",
                                  .systems = "ProKD",
                                  .zero_at_equality = false,
                                  .same_width = true};
};

/// classes × width each.
template <class T>
struct prototype_gradients {
  matrix_view<T> student{}, teacher{};
  double* temperature = nullptr;
};

/// @throws argument_error  before anything is written: shapes that do not match, τ not positive
template <class T>
double value_and_gradient(const prototype_alignment& objective, const prototypes<T>& student,
                          const prototypes<T>& teacher, const std::type_identity_t<prototype_gradients<T>>& out,
                          const contrast_options& options, contrast_workspace<T>& workspace) {
  const matrix_view<const T> s = student.rows(), t = teacher.rows();
  detail::check_temperature<T>("prototype_alignment", objective.temperature, 0);
  detail::check_contrast_options("prototype_alignment", options);
  detail::check_count("teacher", t, "student", s);
  detail::check_width("teacher", t, "student", s);
  detail::check_gradient_of("student", out.student, s);
  detail::check_gradient_of("teacher", out.teacher, t);
  detail::contrast_scratch<T>& scratch = workspace.scratch();
  index* const classes = scratch.chosen.reserve(s.rows);
  index kept = 0;
  for (index c = 0; c < s.rows; ++c)
    if (student.present(c) && teacher.present(c)) classes[kept++] = c;
  const auto gathered = [&](const matrix_view<const T>& from, buffer<T>& memory) {
    const matrix_view<T> to(memory.reserve(kept * from.columns), kept, from.columns);
    for (index i = 0; i < kept; ++i) std::copy_n(from.row(classes[i]), from.columns, to.row(i));
    return to;
  };
  const matrix_view<T> own = gathered(s, scratch.side[2].rows), other = gathered(t, scratch.side[3].rows);
  contrast_options whole = options;
  whole.store = store_mode::overwrite;
  const bool add = options.store == store_mode::accumulate;
  double slope = 0;
  const info_nce loss{.temperature = objective.temperature, .directions = contrast_directions::mean_of_both};
  // Slopes may replace the prototypes: these are copied at length 1 before anything is written.
  const double value = value_and_gradient(loss, contrast_batch<T>{.anchors = own, .keys = other},
                                          {.anchors = out.student ? own : matrix_view<T>(),
                                           .keys = out.teacher ? other : matrix_view<T>(),
                                           .temperature = out.temperature ? &slope : nullptr},
                                          whole, workspace);
  if (out.temperature) *out.temperature = add ? *out.temperature + slope : slope;
  const auto scatter = [&](const matrix_view<T>& slopes, const matrix_view<T>& to) {
    if (!to) return;
    if (!add) detail::cleared(to);
    for (index i = 0; i < kept; ++i)
      for (index j = 0; j < slopes.columns; ++j) to(classes[i], j) += slopes(i, j);
  };
  scatter(own, out.student);
  scatter(other, out.teacher);
  return value;
}
template <class T>
double value_and_gradient(const prototype_alignment& objective, const prototypes<T>& student,
                          const prototypes<T>& teacher, const std::type_identity_t<prototype_gradients<T>>& out,
                          const contrast_options& options = {}) {
  contrast_workspace<T> workspace;
  return value_and_gradient(objective, student, teacher, out, options, workspace);
}

DISTILL_NAMESPACE_END
