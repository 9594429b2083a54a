// Contrast between the means of segments.
#pragma once

#include <type_traits>
#include <vector>

#include "../contrast/evaluate.hpp"
#include "../objective/info_nce.hpp"
#include "../pair/segment_means.hpp"

DISTILL_NAMESPACE_BEGIN

/// InfoNCE between segments that two networks see: the rows of each segment are averaged, and the student's mean should
/// find the teacher's of the same segment among all.
///   value    mean_m −log softmax_m'(⟨k̂_m, q̂_m'⟩/τ)[m],  k, q the means of segment m's student and teacher rows
///   rows     the slope of their segment's mean over the segment's size; 0 for rows without a segment
/// Segments that are empty on either side are dropped; one segment, or none: value 0.
/// Source: Sautier et al. 2022 (SLidR), arXiv 2203.16258, as coded (pretrain/criterion.py); LiMA, arXiv 2507.05260.
struct segment_info_nce {
  double temperature = 0.07;

  static constexpr pair_info info{.name = "segment_info_nce",
                                  .formula = "mean_m −log softmax_m'(⟨k̂_m, q̂_m'⟩/τ)[m] of segment means",
                                  .source = "Sautier et al. 2022 (SLidR), arXiv 2203.16258",
                                  .input = "points × features, with segments",
                                  .systems = "LiMA, SLidR",
                                  .zero_at_equality = false,
                                  .same_width = true};
};

/// Segments are numbers in [0, segments), −1 for rows of none; one for each row.
template <class T>
struct segment_batch {
  matrix_view<const T> student{}, teacher{};
  index_view student_segments{}, teacher_segments{};
  index segments = 0;
};
template <class T>
struct segment_gradients {
  matrix_view<T> student{}, teacher{};
  double* temperature = nullptr;
};

/// Keep one and pass it to every call.
template <class T>
struct segment_workspace {
  segment_means student, teacher;
  buffer<T> student_means, teacher_means;
  std::vector<index> number, student_segments, teacher_segments;
  contrast_workspace<T> contrast;
};

/// Results do not depend on the number of threads.
/// @throws argument_error  before anything is written: segments out of range, shapes that do not match, τ not positive
template <class T>
double value_and_gradient(const segment_info_nce& objective, const segment_batch<T>& in,
                          const std::type_identity_t<segment_gradients<T>>& out, const contrast_options& options,
                          segment_workspace<T>& workspace) {
  const info_nce loss{.temperature = objective.temperature};
  detail::check_temperature<T>("segment_info_nce", objective.temperature, 0);
  detail::check_contrast_options("segment_info_nce", options);
  detail::check_width("teacher", in.teacher, "student", in.student);
  detail::check_gradient_of("student", out.student, in.student);
  detail::check_gradient_of("teacher", out.teacher, in.teacher);
  const auto entries = [](const char* name, const index_view& ids, const matrix_view<const T>& rows) {
    if (ids.size() != rows.rows) fail(name, " has ", ids.size(), " entries, there are ", rows.rows, " rows");
  };
  entries("student_segments", in.student_segments, in.student);
  entries("teacher_segments", in.teacher_segments, in.teacher);
  workspace.student.assign(in.student_segments, in.segments);
  workspace.teacher.assign(in.teacher_segments, in.segments);

  index kept = 0;
  workspace.number.resize(static_cast<std::size_t>(in.segments));
  for (index s = 0; s < in.segments; ++s)
    workspace.number[static_cast<std::size_t>(s)] =
        workspace.student.size(s) > 0 && workspace.teacher.size(s) > 0 ? kept++ : -1;
  const auto renumber = [&](const index_view& ids, std::vector<index>& to, segment_means& means) {
    to.resize(static_cast<std::size_t>(ids.size()));
    for (index r = 0; r < ids.size(); ++r)
      to[static_cast<std::size_t>(r)] = ids[r] < 0 ? -1 : workspace.number[static_cast<std::size_t>(ids[r])];
    means.assign(to, kept);
  };
  renumber(in.student_segments, workspace.student_segments, workspace.student);
  renumber(in.teacher_segments, workspace.teacher_segments, workspace.teacher);

  const index width = in.student.columns;
  const matrix_view<T> student(workspace.student_means.reserve(kept * width), kept, width);
  const matrix_view<T> teacher(workspace.teacher_means.reserve(kept * width), kept, width);
  if (kept > 0) {
    workspace.student.forward(in.student, student, options.execution);
    workspace.teacher.forward(in.teacher, teacher, options.execution);
  }
  // Slopes may replace the means: these are copied at length 1 before anything is written.
  contrast_options own = options;
  own.store = store_mode::overwrite;
  const bool add = options.store == store_mode::accumulate;
  double slope = 0;
  const double value = value_and_gradient(loss, contrast_batch<T>{.anchors = student, .keys = teacher},
                                          {.anchors = out.student ? student : matrix_view<T>(),
                                           .keys = out.teacher ? teacher : matrix_view<T>(),
                                           .temperature = out.temperature ? &slope : nullptr},
                                          own, workspace.contrast);
  if (out.temperature) *out.temperature = add ? *out.temperature + slope : slope;
  const auto back = [&](const segment_means& means, const matrix_view<T>& slopes, const matrix_view<T>& to) {
    if (to) means.backward(matrix_view<const T>(slopes.data, kept, to.columns), to, add, options.execution);
  };
  back(workspace.student, student, out.student);
  back(workspace.teacher, teacher, out.teacher);
  return value;
}
template <class T>
double value_and_gradient(const segment_info_nce& objective, const segment_batch<T>& in,
                          const std::type_identity_t<segment_gradients<T>>& out, const contrast_options& options = {}) {
  segment_workspace<T> workspace;
  return value_and_gradient(objective, in, out, options, workspace);
}
template <class T>
double value(const segment_info_nce& objective, const segment_batch<T>& in, const contrast_options& options = {}) {
  return value_and_gradient(objective, in, segment_gradients<T>{}, options);
}

DISTILL_NAMESPACE_END
