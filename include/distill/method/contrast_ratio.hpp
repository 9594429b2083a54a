// Near the positive, far from the negatives, as a ratio of distances.
#pragma once

#include <limits>
#include <span>
#include <type_traits>

#include "../contrast/check.hpp"
#include "../contrast/workspace.hpp"
#include "../core/sums.hpp"
#include "../core/sweep.hpp"

DISTILL_NAMESPACE_BEGIN

/// Contrastive ratio over the levels of a network:
///   value     Σ_l w_l d⁺/d⁻,  d⁺ = mean |a − p|,  d⁻ = Σ_k mean |a − n_k| + added
///   anchor    w [sign(a − p)/(N d⁻) − d⁺/d⁻² Σ_k sign(a − n_k)/N],  N the level's elements, sign(0) = 0
///   positive  −w sign(a − p)/(N d⁻);  n_k  w d⁺/d⁻² sign(a − n_k)/N
/// Both means are over all elements of a level; the denominator adds its K negatives up and does not divide by K. An
/// anchor that equals all negatives leaves d⁻ = added, and a weight of 1/added: with `largest` the ratio of a level is
/// cut there, and its gradient 0. A level without elements contributes 0.
/// Source: Zhou et al. 2024 (DCKD), arXiv 2412.08939, as coded (basicsr/losses/basic_loss.py: K history-model
/// negatives, weights 1/32 … 1 from the first level to the last).
struct contrast_ratio {
  double added = 1e-7;
  double largest = std::numeric_limits<double>::infinity();

  static constexpr pair_info info{.name = "contrast_ratio",
                                  .formula = "Σ_l w_l mean |a − p|/(Σ_k mean |a − n_k| + ε)",
                                  .source = "Zhou et al. 2024 (DCKD), arXiv 2412.08939",
                                  .input = "levels of features, any shape",
                                  .systems = "DCKD restoration",
                                  .zero_at_equality = false,
                                  .same_width = true,
                                  .smooth = false};
};

/// Features of one level, all of one shape.
template <class T>
struct contrast_level {
  matrix_view<const T> anchor{}, positive{};
  std::span<const matrix_view<const T>> negatives{};
  double weight = 1;
};
/// Empty where not wanted; `negatives` empty or one for each.
template <class T>
struct contrast_level_gradients {
  matrix_view<T> anchor{}, positive{};
  std::span<const matrix_view<T>> negatives{};
};

namespace detail {

template <class T>
double sum_of_differences(const matrix_view<const T>& a, const matrix_view<const T>& b) {
  double total = 0;
  for (index r = 0; r < a.rows; ++r)
    if (a.column_stride == 1 && b.column_stride == 1)
      total += sum_of_batches<T>(
          a.columns, [](const simd<T>& x, const simd<T>& y) DISTILL_LAMBDA_INLINE { return lane<simd<T>>::abs(x - y); },
          a.row(r), b.row(r));
    else
      for (index c = 0; c < a.columns; ++c)
        total += std::abs(static_cast<double>(a(r, c)) - static_cast<double>(b(r, c)));
  return total;
}

/// to += factor · sign(a − b)
template <class T>
void add_signs(double factor, const matrix_view<const T>& a, const matrix_view<const T>& b, const matrix_view<T>& to) {
  const T f = static_cast<T>(factor);
  for (index r = 0; to && r < a.rows; ++r)
    if (a.column_stride == 1 && b.column_stride == 1 && to.column_stride == 1)
      sweep<T>(
          a.columns,
          [f = simd<T>(f), zero = simd<T>(T(0))](const simd<T>& x, const simd<T>& y, simd<T>& out)
              DISTILL_LAMBDA_INLINE {
                out += lane<simd<T>>::select(y < x, f, lane<simd<T>>::select(x < y, zero - f, zero));
              },
          a.row(r), b.row(r), to.row(r));
    else
      for (index c = 0; c < a.columns; ++c) to(r, c) += b(r, c) < a(r, c) ? f : a(r, c) < b(r, c) ? -f : T(0);
}

template <class T>
void check_levels(const contrast_ratio& objective, std::span<const contrast_level<T>> in,
                  std::span<const contrast_level_gradients<T>> out, const contrast_options& options) {
  check_contrast_options("contrast_ratio", options);
  if (!(objective.added >= 0)) fail("contrast_ratio: added is ", objective.added, ", must not be negative");
  if (!(objective.largest > 0)) fail("contrast_ratio: largest is ", objective.largest, ", must be positive");
  if (!out.empty() && out.size() != in.size())
    fail("gradients have ", std::ssize(out), " levels, the features have ", std::ssize(in));
  for (std::size_t l = 0; l < in.size(); ++l) {
    const matrix_view<const T>& anchor = in[l].anchor;
    const auto alike = [&](const char* name, const auto& m) {
      if (m.rows != anchor.rows || m.columns != anchor.columns)
        fail("level ", static_cast<index>(l), ": ", name, " is ", m.rows, " x ", m.columns, ", anchor is ", anchor.rows,
             " x ", anchor.columns);
    };
    alike("positive", in[l].positive);
    for (const auto& negative : in[l].negatives) alike("a negative", negative);
    if (in[l].negatives.empty()) fail("level ", static_cast<index>(l), " has 0 negatives, must have at least 1");
    if (out.empty()) continue;
    if (out[l].anchor) alike("gradient to anchor", out[l].anchor);
    if (out[l].positive) alike("gradient to positive", out[l].positive);
    if (!out[l].negatives.empty() && out[l].negatives.size() != in[l].negatives.size())
      fail("level ", static_cast<index>(l), " has ", std::ssize(in[l].negatives), " negatives, ",
           std::ssize(out[l].negatives), " gradients to them");
    for (const auto& negative : out[l].negatives)
      if (negative) alike("gradient to a negative", negative);
  }
}

}  // namespace detail

/// `out` is empty, or has an entry for each level.
/// @throws argument_error  before anything is written: no negatives, shapes that do not match, added negative
template <class T>
double value_and_gradient(const contrast_ratio& objective, std::span<const contrast_level<T>> in,
                          std::type_identity_t<std::span<const contrast_level_gradients<T>>> out,
                          const contrast_options& options = {}) {
  detail::check_levels<T>(objective, in, out, options);
  double value = 0;
  for (std::size_t l = 0; l < in.size(); ++l) {
    const contrast_level<T>& level = in[l];
    const auto clear = [&](const matrix_view<T>& to) {
      if (to && options.store == store_mode::overwrite)
        for (index r = 0; r < to.rows; ++r)
          for (index c = 0; c < to.columns; ++c) to(r, c) = 0;
    };
    if (!out.empty()) {
      clear(out[l].anchor), clear(out[l].positive);
      for (const auto& negative : out[l].negatives) clear(negative);
    }
    const auto size = static_cast<double>(level.anchor.rows * level.anchor.columns);
    if (size == 0) continue;
    const double near = detail::sum_of_differences(level.anchor, level.positive) / size;
    double far = objective.added;
    for (const auto& negative : level.negatives) far += detail::sum_of_differences(level.anchor, negative) / size;
    const double ratio = far == 0 && near == 0 ? 0 : near / far;
    value += level.weight * std::min(ratio, objective.largest);
    if (out.empty() || ratio >= objective.largest || far == 0) continue;
    const double per_near = options.upstream * level.weight / (size * far), per_far = per_near * near / far;
    detail::add_signs(per_near, level.anchor, level.positive, out[l].anchor);
    detail::add_signs(-per_near, level.anchor, level.positive, out[l].positive);
    for (std::size_t k = 0; k < level.negatives.size(); ++k) {
      detail::add_signs(-per_far, level.anchor, level.negatives[k], out[l].anchor);
      if (!out[l].negatives.empty()) detail::add_signs(per_far, level.anchor, level.negatives[k], out[l].negatives[k]);
    }
  }
  return value;
}
template <class T>
double value(const contrast_ratio& objective, std::span<const contrast_level<T>> in,
             const contrast_options& options = {}) {
  return value_and_gradient<T>(objective, in, {}, options);
}

DISTILL_NAMESPACE_END
