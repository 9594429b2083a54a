// A lower bound of the mutual information between two networks' features, from a matrix of critic scores.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>

#include "../contrast/check.hpp"
#include "../contrast/workspace.hpp"
#include "../core/math.hpp"
#include "../core/sums.hpp"
#include "../core/sweep.hpp"
#include "../pair/chain.hpp"

DISTILL_NAMESPACE_BEGIN

/// The interpolated bound, negated: S_ij the critic's score of sample i's student with sample j's teacher.
///   L_ij = log((1/(n−1)) Σ_{k≠j} e^{S_ik}),  B_ij = log(a e^{L_ij} + (1−a) e^{b_i}),  a = σ(α_logit)
///   value     −[1 + mean_{i≠j}(S_ii − B_ij) − mean_{i≠j} e^{S_ij − B_ii}]
///   scores, b and α_logit get their gradients; all in n² operations and in double
/// a = 1 is the InfoNCE-like end, a = 0 the one of TUBA and NWJ, whose log-baseline b is learned (absent: 0). Leaving
/// one out is exact where that one dominates its row: the others are then added up by themselves. One sample, or none:
/// the bound is undefined, value 0 and gradient 0. Scores of −inf off the diagonal are pairs left out of the sums.
/// Source: Poole et al. 2019, arXiv 1905.06922, the interpolated bound; He et al. 2021 (Distiller), arXiv 2109.11105,
/// as coded, where α is a logit with default 0.5.
struct mutual_information_bound {
  double alpha_logit = 0.5;

  static constexpr pair_info info{.name = "mutual_information_bound",
                                  .formula = "−[1 + mean_{i≠j}(S_ii − B_ij) − mean_{i≠j} e^{S_ij − B_ii}]",
                                  .source = "Poole et al. 2019, arXiv 1905.06922",
                                  .input = "student samples × teacher samples, a critic's scores",
                                  .systems = "Distiller (MI-α)",
                                  .nonnegative = false,
                                  .zero_at_equality = false};
};

template <class T>
struct mutual_information_batch {
  matrix_view<const T> scores{};  ///< n × n
  std::span<const T> baseline{};  ///< n numbers, or none: 0
};
template <class T>
struct mutual_information_gradients {
  matrix_view<T> scores{};
  std::span<T> baseline{};
  double* alpha_logit = nullptr;
};

namespace detail {

/// log(eˣ + eʸ), and its derivatives.
template <class V>
struct log_of_two {
  V value, first, second;

  DISTILL_INLINE log_of_two(V x, V y) {
    const V zero(0.0), one(1.0), gap = x - y, e = exp_nonpositive(zero - lane<V>::abs(gap));
    const V large = one / (one + e), small = e / (one + e);
    value = lane<V>::select(y < x, x, y) + natural_log1p(e);
    first = lane<V>::select(zero < gap, large, small);
    second = lane<V>::select(zero < gap, small, large);
  }
};

/// One row of the bound, in double.
class bound_row {
  using V = simd<double>;
  static constexpr index arrays = 8;

 public:
  struct outcome {
    double value, to_baseline, to_alpha;
  };

  bound_row(double alpha_logit, index size, double* memory) : size_(size) {
    for (index i = 0; i < arrays; ++i) array_[i] = memory + i * scratch_columns<double>(size);
    const auto log_sigmoid = [](double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); };
    log_a_ = log_sigmoid(alpha_logit), log_rest_ = log_sigmoid(-alpha_logit);
  }
  static index memory(index size) { return arrays * scratch_columns<double>(size); }
  /// The row's scores; after evaluate() its slopes.
  double* scores() const { return array_[0]; }

  /// Row `own` of the sums over i ≠ j, over n(n − 1); slopes are those of the bound itself.
  outcome evaluate(index own, double baseline) const {
    double *const s = array_[0], *const e = array_[1], *const f = array_[2], *const rest = array_[3],
                  *const b = array_[4], *const r = array_[5], *const q = array_[6], *const m = array_[7];
    const index top = std::max_element(s, s + size_) - s;
    double second = -std::numeric_limits<double>::infinity();
    for (index k = 0; k < size_; ++k)
      if (k != top) second = std::max(second, s[k]);
    const double others = static_cast<double>(size_ - 1), share = 1 / (static_cast<double>(size_) * others);
    const bool alone = second == -std::numeric_limits<double>::infinity();
    sweep<double>(
        size_,
        [first = V(s[top]), next = V(alone ? 0 : second), zero = V(0.0)](const V& x, V& to_first, V& to_next)
            DISTILL_LAMBDA_INLINE {
              to_first = exp_nonpositive(x - first);
              to_next = exp_nonpositive(lane<V>::select(next < x, zero, x - next));
            },
        static_cast<const double*>(s), e, f);
    f[top] = 0;
    // Without one of the small terms the largest is still there: nothing cancels. Without the largest, the others are
    // added up by themselves.
    const double total = sum<double>(e, size_), without_top = sum<double>(f, size_);
    sweep<double>(
        size_,
        [total = V(total), x0 = V(log_a_ - std::log(others) + s[top]), y = V(log_rest_ + baseline)](
            const V& term, V& left, V& bound, V& from_scores, V& from_baseline) DISTILL_LAMBDA_INLINE {
          left = total - term;
          const log_of_two<V> mix(x0 + natural_log(left), y);
          bound = mix.value, from_scores = mix.first, from_baseline = mix.second;
        },
        static_cast<const double*>(e), rest, b, r, q);
    const log_of_two<double> mix(log_a_ - std::log(others) + (alone ? second : second + std::log(without_top)),
                                 log_rest_ + baseline);
    b[top] = mix.value, r[top] = mix.first, q[top] = mix.second;

    sweep<double>(
        size_,
        [bound = V(b[own]), share = V(share)](const V& x, V& to)
            DISTILL_LAMBDA_INLINE { to = share * exp_any(x - bound); },
        static_cast<const double*>(s), m);
    m[own] = 0;
    const double marginal = sum<double>(m, size_), own_score = s[own];
    const double a = std::exp(log_a_);
    outcome result{-marginal, marginal * q[own], marginal * (r[own] - a)};
    for (index j = 0; j < size_; ++j) {
      if (j == own) continue;
      result.value += share * (own_score - b[j]);
      result.to_baseline -= share * q[j];
      result.to_alpha -= share * (r[j] - a);
    }

    // What leaving j out has to say to e^{S_ik}, k ≠ j. The own column's has the other sign, the largest column's is
    // of another size: these two go by themselves, and the sum of the others less one of them does not cancel.
    sweep<double>(
        size_,
        [share = V(-share)](const V& from_scores, V& left) DISTILL_LAMBDA_INLINE { left = share * from_scores / left; },
        static_cast<const double*>(r), rest);
    const double from_own = own == top ? 0 : marginal * r[own] / (total - e[own]);
    const double of_top = (own == top ? marginal : -share) * r[top];
    const double from_top = without_top == 0 ? 0 : of_top / without_top;
    rest[top] = rest[own] = 0;
    const double all = sum<double>(rest, size_);
    const double to_own = e[own] * all + from_top * f[own] + 1 / static_cast<double>(size_);
    sweep<double>(
        size_,
        [all = V(all + from_own), from_top = V(from_top)](V& to, const V& term, const V& next, const V& left,
                                                          const V& factor)
            DISTILL_LAMBDA_INLINE { to = term * (all - left) + from_top * next - factor; },
        s, static_cast<const double*>(e), static_cast<const double*>(f), static_cast<const double*>(rest),
        static_cast<const double*>(m));
    s[own] = to_own;
    return result;
  }

 private:
  index size_;
  std::array<double*, arrays> array_;
  double log_a_, log_rest_;
};

template <class T>
void check_bound(const mutual_information_bound& objective, const mutual_information_batch<T>& in,
                 const mutual_information_gradients<T>& out, const contrast_options& options) {
  const char* const name = "mutual_information_bound";
  check_contrast_options(name, options);
  if (std::isnan(objective.alpha_logit)) fail(name, ": alpha_logit is ", objective.alpha_logit, ", must be a number");
  const index n = in.scores.rows;
  if (in.scores.columns != n) fail("scores is ", n, " x ", in.scores.columns, ", must be square");
  if (!in.baseline.empty() && std::ssize(in.baseline) != n)
    fail("baseline has ", std::ssize(in.baseline), " entries, scores has ", n, " rows");
  check_gradient_of("scores", out.scores, in.scores);
  if (!out.baseline.empty() && std::ssize(out.baseline) != n)
    fail("gradient to baseline has ", std::ssize(out.baseline), " entries, scores has ", n, " rows");
}

}  // namespace detail

/// Results do not depend on the number of threads.
/// @throws argument_error  before anything is written: scores that are not square, another number of baselines, α NaN
template <class T>
double value_and_gradient(const mutual_information_bound& objective, const mutual_information_batch<T>& in,
                          const std::type_identity_t<mutual_information_gradients<T>>& out,
                          const contrast_options& options, contrast_workspace<T>& workspace) {
  detail::check_bound(objective, in, out, options);
  const index n = in.scores.rows;
  const bool add = options.store == store_mode::accumulate;
  const auto store = [add](auto& to, double x) {
    to = static_cast<std::remove_cvref_t<decltype(to)>>(add ? static_cast<double>(to) + x : x);
  };
  if (n < 2) {
    if (n == 1 && out.scores) store(out.scores(0, 0), 0);
    for (T& to : out.baseline) store(to, 0);
    if (out.alpha_logit) store(*out.alpha_logit, 0);
    return 0;
  }
  const index pieces = std::min(n, detail::row_pieces), own = detail::bound_row::memory(n);
  double* const numbers = workspace.scratch().numbers.reserve(2 * n + pieces * own);
  const int threads = n * n < (index{1} << 15) ? 1 : options.execution.count();
  parallel_for(pieces, threads, [&](index piece, int) {
    const detail::bound_row row(objective.alpha_logit, n, numbers + 2 * n + piece * own);
    for (index i = n * piece / pieces; i < n * (piece + 1) / pieces; ++i) {
      for (index j = 0; j < n; ++j) row.scores()[j] = static_cast<double>(in.scores(i, j));
      const auto result =
          row.evaluate(i, in.baseline.empty() ? 0 : static_cast<double>(in.baseline[static_cast<std::size_t>(i)]));
      numbers[2 * i] = result.value, numbers[2 * i + 1] = result.to_alpha;
      for (index j = 0; out.scores && j < n; ++j) store(out.scores(i, j), -options.upstream * row.scores()[j]);
      if (!out.baseline.empty())
        store(out.baseline[static_cast<std::size_t>(i)], -options.upstream * result.to_baseline);
    }
  });
  double bound = 1, to_alpha = 0;
  for (index i = 0; i < n; ++i) bound += numbers[2 * i], to_alpha += numbers[2 * i + 1];
  if (out.alpha_logit) store(*out.alpha_logit, -options.upstream * to_alpha);
  return -bound;
}
template <class T>
double value_and_gradient(const mutual_information_bound& objective, const mutual_information_batch<T>& in,
                          const std::type_identity_t<mutual_information_gradients<T>>& out,
                          const contrast_options& options = {}) {
  contrast_workspace<T> workspace;
  return value_and_gradient(objective, in, out, options, workspace);
}
template <class T>
double value(const mutual_information_bound& objective, const mutual_information_batch<T>& in,
             const contrast_options& options = {}) {
  return value_and_gradient(objective, in, mutual_information_gradients<T>{}, options);
}

DISTILL_NAMESPACE_END
