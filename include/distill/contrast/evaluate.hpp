// The calls on a contrastive objective: its value, and its gradient with respect to features and temperature.
#pragma once

#include <array>
#include <type_traits>

#include "../config.hpp"
#include "../row/evaluate.hpp"
#include "batch.hpp"
#include "check.hpp"
#include "detail/same_label.hpp"
#include "detail/transpose.hpp"
#include "objective.hpp"
#include "similarities.hpp"
#include "unit_side.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Σ of a row objective over the rows of a tile of similarities, divided by `rows`; slopes into the tile's own place.
template <row_objective L, class T>
class tile_rows {
 public:
  tile_rows(const L& leaf, index rows, double upstream, bool with_slopes, const execution& how, row_workspace<T>& rows_)
      : leaf_(leaf),
        options_{.reduction = reduction::count(static_cast<double>(rows)), .upstream = upstream, .execution = how},
        with_slopes_(with_slopes),
        workspace_(rows_) {}

  /// `mask` as in row_options.
  double operator()(const matrix_view<T>& s, const row_input<T>& targets, const index_view& labels,
                    const index_view& mask = {}) const {
    row_options options = options_;
    options.mask = mask;
    const batch<T> in{.student = s, .teacher = targets, .labels = labels};
    if (with_slopes_) return value_and_gradient(leaf_, in, {.student = s}, options, workspace_);
    return value(leaf_, in, options, workspace_);
  }

 private:
  L leaf_;
  row_options options_;
  bool with_slopes_;
  row_workspace<T>& workspace_;
};

template <contrast_objective O, class T>
class contrast_call {
 public:
  contrast_call(const O& objective, const contrast_batch<T>& in, const contrast_gradients<T>& out,
                const contrast_options& options, contrast_workspace<T>& workspace)
      : objective_(objective), in_(in), out_(out), options_(options), workspace_(workspace) {
    if constexpr (requires { objective.weight(); }) weight_ = objective.weight();
  }

  double operator()() {
    if (in_.anchors.rows + (among_all ? in_.keys.rows : 0) == 0) return nothing();
    if constexpr (among_all)
      return among_all_rows();
    else
      return with_keys();
  }

 private:
  static constexpr bool among_all = O::scheme == contrast_scheme::views || O::scheme == contrast_scheme::classes;
  contrast_scratch<T>& scratch() const { return workspace_.scratch(); }
  const execution& how() const { return options_.execution; }
  bool adds() const { return options_.store == store_mode::accumulate; }
  bool wants_anchors() const { return out_.anchors || out_.temperature; }
  auto rows_of(index rows) const {
    return tile_rows(objective_.rows(), rows, options_.upstream * weight_, out_.keys || wants_anchors(), how(),
                     scratch().rows);
  }

  double nothing() const {
    if (!adds() && out_.keys) cleared(out_.keys);
    store_temperature(0, 0);
    return 0;
  }
  /// `along`: Σ slope · similarity, the whole gradient's; `plain` the value without its weight.
  void store_temperature(double along, double plain) const {
    if (!out_.temperature) return;
    double slope = -along / objective_.rows().temperature[0];
    if constexpr (requires { objective_.weight_slope(); })
      slope += options_.upstream * objective_.weight_slope() * plain;
    *out_.temperature = adds() ? *out_.temperature + slope : slope;
  }

  double with_keys() {
    const index n = in_.anchors.rows;
    unit_side<T> anchors(in_.anchors, scratch().side[0], how()), keys(in_.keys, scratch().side[1], how());
    std::array<key_block<T>, 2> blocks{key_block<T>{keys.rows(), {}}, key_block<T>{in_.queue, {}}};
    similarities<T> all{.anchors = anchors.rows(), .keys = blocks};
    if (wants_anchors()) all.to_anchors = anchors.slopes();
    if (out_.keys) blocks[0].gradient = keys.slopes();
    const auto rows = rows_of(n);
    double value = 0;
    if constexpr (O::scheme == contrast_scheme::targets) {
      all.targets = keys.rows();
      value = over(all, [&](index, const matrix_view<T>& s, const matrix_view<T>& t) { return rows(s, t, {}); });
    } else {
      value = pairs(all, rows);
    }
    if (wants_anchors()) store_temperature(anchors.along(), value);
    if (out_.anchors) anchors.back(0, out_.anchors, adds());
    if (out_.keys) keys.back(0, out_.keys, adds());
    return weight_ * value;
  }

  template <class Rows>
  double pairs(const similarities<T>& all, const Rows& rows) {
    const index n = in_.anchors.rows, m = in_.keys.rows;
    const bool both = directions_of(objective_) != contrast_directions::anchors;
    index *const labels = scratch().labels.reserve(n), *const inverse = scratch().inverse.reserve(n);
    for (index r = 0; r < n; ++r) labels[r] = in_.labels ? in_.labels[r] : r;
    const auto forward = [&](index first, const matrix_view<T>& s, const matrix_view<T>&) {
      return rows(s, {}, index_view(labels + first, s.rows));
    };
    if (!both) return over(all, forward);
    check_permutation(O::info.name.data(), index_view(labels, n), inverse);
    const auto backward = [&](index first, const matrix_view<T>& s, const matrix_view<T>&) {
      return rows(s, {}, index_view(inverse + first, s.rows));
    };
    if (all.tile_rows(options_.largest_tile) >= n)  // all similarities are at hand: no need to multiply again
      return over(all, [&](index, const matrix_view<T>& s, const matrix_view<T>& t) {
        const matrix_view<T> own(s.data, n, m, s.row_stride);
        const index stride = scratch_columns<T>(n);
        const matrix_view<T> turned(scratch().second.reserve(m * stride), m, n, stride);
        transpose_to<T>(own, turned, how());
        const double value = forward(0, s, t) + backward(0, turned, t);
        if (all.wants_slopes()) add_transpose_to<T>(turned, own, how());
        return value;
      });
    const double value = over(all, forward);
    const std::array<key_block<T>, 1> others{key_block<T>{all.anchors, all.to_anchors}};
    similarities<T> turned{.anchors = all.keys[0].rows, .keys = others};
    turned.to_anchors = all.keys[0].gradient;
    turned.add = true;
    return value + over(turned, backward);
  }

  double among_all_rows() {
    const index n = in_.anchors.rows, size = n + in_.keys.rows;
    unit_side<T> all(in_.anchors, in_.keys, scratch().side[0], how());
    std::array<key_block<T>, 1> blocks{key_block<T>{all.rows(), {}}};
    similarities<T> each{.anchors = all.rows(), .keys = blocks, .without_self = true};
    const bool slopes = out_.keys || wants_anchors(), at_once = each.tile_rows(options_.largest_tile) >= size;
    if (slopes) each.to_anchors = all.slopes();
    if (slopes && !at_once) blocks[0].gradient = all.more_slopes();
    const auto rows = rows_of(size);
    // The slopes' symmetric part is all that reaches the features: (G + Gᵀ) X is one product where G is at hand.
    const auto added = [&](double value, const matrix_view<T>& s) {
      if (slopes && at_once) add_transpose(s, how());
      return value;
    };
    double value = 0;
    if constexpr (O::scheme == contrast_scheme::classes) {
      number_classes(
          size, [&](index r) { return in_.labels[r < in_.labels.size() ? r : r - n]; }, scratch());
      value = over(each, [&](index first, const matrix_view<T>& s, const matrix_view<T>&) {
        const same_label<T> targets(scratch().classes.data(), size, first, s.rows);
        return added(rows(s, targets, {}, index_view(scratch().taking_part.data() + first, s.rows)), s);
      });
    } else {
      index* const labels = scratch().labels.reserve(size);
      for (index r = 0; r < size; ++r) labels[r] = (r + size / 2) % size;
      value = over(each, [&](index first, const matrix_view<T>& s, const matrix_view<T>&) {
        return added(rows(s, {}, index_view(labels + first, s.rows)), s);
      });
    }
    if (!slopes) return weight_ * value;
    if (!at_once) all.add(blocks[0].gradient);
    store_temperature(all.along() / 2, value);
    if (out_.anchors) all.back(0, out_.anchors, adds());
    if (out_.keys) all.back(n, out_.keys, adds());
    return weight_ * value;
  }

  template <class F>
  double over(const similarities<T>& all, const F& f) {
    return over_similarities(all, options_.largest_tile, how(), workspace_, f);
  }

  const O& objective_;
  const contrast_batch<T>& in_;
  const contrast_gradients<T>& out_;
  const contrast_options& options_;
  contrast_workspace<T>& workspace_;
  double weight_ = 1;
};

}  // namespace detail

/// The value of the objective, a mean over the anchors, and the gradient with respect to every input that `out` names.
/// No anchors: value 0, gradient 0. A row of zeros has cosine 0 with everything and gets no gradient; NaN stays NaN.
/// Results do not depend on the number of threads. Never more similarities in memory than options.largest_tile (a few
/// times), or than one anchor has.
/// @throws argument_error  before anything is written: numbers of rows or columns that do not match, labels out of
///   range, a temperature that is not positive, gradients of another shape or to what the objective holds constant
template <contrast_objective O, class T>
double value_and_gradient(const O& objective, const contrast_batch<T>& in,
                          const std::type_identity_t<contrast_gradients<T>>& out, const contrast_options& options,
                          contrast_workspace<T>& workspace) {
  detail::check_contrast(objective, in, out, options);
  if (in.labels && detail::directions_of(objective) != contrast_directions::anchors)
    detail::check_permutation(O::info.name.data(), in.labels, workspace.scratch().inverse.reserve(in.labels.size()));
  return detail::contrast_call<O, T>(objective, in, out, options, workspace)();
}
template <contrast_objective O, class T>
double value(const O& objective, const contrast_batch<T>& in, const contrast_options& options,
             contrast_workspace<T>& workspace) {
  return value_and_gradient(objective, in, contrast_gradients<T>{}, options, workspace);
}

/// The same calls with scratch of their own, for where an allocation does not matter.
template <contrast_objective O, class T>
double value_and_gradient(const O& objective, const contrast_batch<T>& in,
                          const std::type_identity_t<contrast_gradients<T>>& out,
                          const contrast_options& options = {}) {
  contrast_workspace<T> workspace;
  return value_and_gradient(objective, in, out, options, workspace);
}
template <contrast_objective O, class T>
double value(const O& objective, const contrast_batch<T>& in, const contrast_options& options = {}) {
  contrast_workspace<T> workspace;
  return value(objective, in, options, workspace);
}

DISTILL_NAMESPACE_END
