// An objective on one set of features.
#pragma once

#include "../config.hpp"
#include "../dense/product.hpp"
#include "../dense/symmetric.hpp"
#include "../pair/evaluate.hpp"

DISTILL_NAMESPACE_BEGIN

/// How much masks overlap: the Dice coefficient of every pair, to be kept low so that each mask looks elsewhere.
///   value     mean over ordered pairs i ≠ j of 2 ⟨m_i, m_j⟩/S_ij,  S_ij = ‖m_i‖² + ‖m_j‖²
///   masks     dm_i = 4/(M (M − 1)) Σ_{j≠i} (m_j/S_ij − 2 ⟨m_i, m_j⟩ m_i/S_ij²)
/// An item's rows are M masks. One mask has value 0; two masks of zeros share nothing. There is no teacher.
/// Source: Lan and Tian 2025 (ACAM-KD), arXiv 2503.06307; Huang et
/// al. 2023 (MasKD), arXiv 2205.14589, as coded.
struct dice_diversity {
  static constexpr pair_info info{.name = "dice_diversity",
                                  .formula = "mean_{i≠j} 2 ⟨m_i, m_j⟩/(‖m_i‖² + ‖m_j‖²)",
                                  .source = "Lan and Tian 2025 (ACAM-KD), arXiv 2503.06307",
                                  .input = "masks × places, of one network",
                                  .systems = "ACAM-KD, MasKD",
                                  .nonnegative = false,
                                  .zero_at_equality = false};
};

namespace detail {

/// One item; its slopes, where they are wanted, are left in the scratch.
template <class T>
double diversity_of(const matrix_view<const T>& masks, pair_scratch<T>& scratch, bool with_slopes,
                    matrix_view<const T>& slopes, const execution& how) {
  const index count = masks.rows;
  if (count < 2) return 0;
  const feature_shape square{count, count}, shape{count, masks.columns};
  const matrix_view<T> gram(scratch.stages[0].reserve(scratch_size<T>(square)), count, count,
                            scratch_columns<T>(count));
  symmetric_product<T>(masks, gram, how);
  double* squares = scratch.numbers.reserve(count);
  for (index i = 0; i < count; ++i) squares[i] = static_cast<double>(gram(i, i));
  const double share = 1 / (static_cast<double>(count) * static_cast<double>(count - 1));
  double value = 0;
  for (index i = 0; i < count; ++i) {  // the Gram matrix becomes the matrix that the slopes are a product with
    double own = 0;
    for (index j = 0; j < count; ++j) {
      if (i == j) continue;
      const double size = squares[i] + squares[j], dice = size == 0 ? 0 : 2 * static_cast<double>(gram(i, j)) / size;
      value += share * dice;
      own += size == 0 ? 0 : dice / size;
      gram(i, j) = static_cast<T>(size == 0 ? 0 : 4 * share / size);
    }
    gram(i, i) = static_cast<T>(-4 * share * own);
  }
  if (with_slopes) {
    const matrix_view<T> to(scratch.slopes[0].reserve(scratch_size<T>(shape)), count, masks.columns,
                            scratch_columns<T>(masks.columns));
    product(gram, masks, to, {}, how);
    slopes = to;
  }
  return value;
}

}  // namespace detail

/// The value, averaged over the items, and the gradient with respect to the masks where `out` is not empty. No items,
/// or items of fewer than two masks: value 0, gradient 0. Results do not depend on the number of threads.
/// @throws argument_error  before anything is written: a gradient of another shape
template <class T>
double value_and_gradient(const dice_diversity&, const feature_stack<const T>& masks,
                          const std::type_identity_t<feature_stack<T>>& out, const pair_options& options,
                          pair_workspace<T>& workspace) {
  detail::check_execution(options.execution);
  detail::check_gradient("masks", masks, out);
  if (masks.items == 0) return 0;
  const double share = 1 / static_cast<double>(masks.items);
  const bool add = options.store == store_mode::accumulate;
  const int threads = masks.items == 1 ? 1 : options.execution.count();
  const execution inside{masks.items == 1 ? options.execution.threads : 1};
  workspace.reserve_threads(threads);
  double* values = workspace.values(masks.items);
  parallel_for(masks.items, threads, [&](index item, int thread) {
    detail::pair_scratch<T>& scratch = workspace.scratch(thread);
    matrix_view<const T> in = masks.item(item), slopes;
    if (in.column_stride != 1)
      in = detail::copied(in, {scratch.features[0].reserve(detail::scratch_size<T>(masks.shape)), in.rows, in.columns,
                               detail::scratch_columns<T>(in.columns)});
    values[item] = detail::diversity_of(in, scratch, bool(out), slopes, inside);
    if (slopes)
      detail::store_scaled(slopes, options.upstream * share, add, out.item(item));
    else if (out && !add)
      detail::cleared(out.item(item));
  });
  double value = 0;
  for (index i = 0; i < masks.items; ++i) value += values[i];  // one order, whatever the threads did
  return value * share;
}

template <class T>
double value(const dice_diversity& objective, const feature_stack<const T>& masks, const pair_options& options,
             pair_workspace<T>& workspace) {
  return value_and_gradient(objective, masks, feature_stack<T>{}, options, workspace);
}

/// The same calls with scratch of their own, for where an allocation does not matter.
template <class T>
double value_and_gradient(const dice_diversity& objective, const feature_stack<const T>& masks,
                          const std::type_identity_t<feature_stack<T>>& out, const pair_options& options = {}) {
  pair_workspace<T> workspace;
  return value_and_gradient(objective, masks, out, options, workspace);
}
template <class T>
double value(const dice_diversity& objective, const feature_stack<const T>& masks, const pair_options& options = {}) {
  pair_workspace<T> workspace;
  return value(objective, masks, options, workspace);
}

DISTILL_NAMESPACE_END
