// Sinkhorn's iterations on the potentials, in one pass over the cost matrix each.
//
// With P = a_i b_j e^((f_i + g_j − C_ij)/ε), renewing f makes the rows of P sum to a, renewing g the columns to b. Both
// sums can be had from the same exponentials: e_ij = e^((f_i + h_j − C_ij)/ε) with the f of the last iteration and
// h_j = g_j + ε log b_j gives S_i = Σ_j e_ij and f_i − ε log S_i, and the columns of the plan that then belongs to f
// and g hold Σ_i (a_i/S_i) e_ij. One exponential an entry, where the two sums in log domain would take two and two
// maxima.
//
// No exponent overflows: after an iteration Σ_j e_ij = 1, so a change of g/ε by at most `steady_change` bounds the next
// pass's; beyond that the pass takes the largest exponent of each row first. Where all of a column falls below what T
// holds, its sum is taken in log domain. Masses are divided by their sum, M, on the way in: f is larger by ε log M than
// the formulas have it, P smaller by M.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../core/sums.hpp"
#include "../core/sweep.hpp"
#include "options.hpp"
#include "sweep.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class T>
class sinkhorn_iteration {
 public:
  /// `extended`: after every iteration potentials are wanted also where there is no target mass.
  sinkhorn_iteration(const transport_problem<T>& problem, transport_form form, bool extended,
                     transport_workspace<T>& workspace, const execution& how)
      : n_(problem.cost.rows),
        m_(problem.cost.columns),
        stride_(transport_stride<T>(m_)),
        scaling_(form == transport_form::scaling),
        extended_(extended),
        how_(how),
        workspace_(workspace) {
    double* next = workspace.potentials.reserve(6 * n_ + 5 * m_);
    for (double** each : {&a_, &log_a_, &f_, &row_sums_, &row_base_, &log_rows_}) *each = next, next += n_;
    for (double** each : {&b_, &log_b_, &g_, &column_sums_, &log_columns_}) *each = next, next += m_;
    targets_ = workspace.lines.reserve(5 * stride_);
    scales_ = targets_ + stride_;
    lay_out(problem.cost);
    mass_ = masses(problem.source, n_, a_, log_a_);
    masses(problem.target, m_, b_, log_b_);
    std::fill_n(f_, n_, 0.0);
    std::fill_n(g_, m_, 0.0);
    std::fill_n(targets_, stride_, -infinity);
  }

  /// f, then g. Returns Σ_i |(P1)_i − a_i| of the plan before, or infinity where there is none at this ε.
  double operator()(double epsilon) {
    const bool same = epsilon == epsilon_;
    const pass kind = same && change_bound_ <= (scaling_ ? scale_limit : steady_change)
                          ? (scaling_ ? pass::scaled : pass::steady)
                          : pass::fresh;
    epsilon_ = epsilon;
    if (kind == pass::scaled)
      for (index j = 0; j < m_; ++j)
        scales_[j] =
            b_[j] > 0 ? static_cast<T>(std::exp((target(j) - static_cast<double>(targets_[j])) / epsilon)) : T(0);
    else
      for (index j = 0; j < m_; ++j) targets_[j] = static_cast<T>(target(j));
    sweep_rows(kind);
    double error = same ? 0 : std::numeric_limits<double>::infinity();
    for (index i = 0; same && i < n_; ++i)
      if (a_[i] > 0) error += a_[i] * std::abs(row_sums_[i] * std::exp((f_[i] - row_base_[i]) / epsilon) - 1);
    logarithms(row_sums_, n_, log_rows_);
    for (index i = 0; i < n_; ++i) f_[i] = row_base_[i] - epsilon * log_rows_[i];
    renew_columns();
    return error;
  }
  /// g also where there is no target mass.
  void extend() {
    bool any = false;
    for (index j = 0; j < m_; ++j) {
      column_sums_[j] = b_[j] > 0 ? 1 : -1;
      any = any || b_[j] == 0;
    }
    if (any) renew_in_log_domain();
  }

  index rows() const { return n_; }
  index columns() const { return m_; }
  index stride() const { return stride_; }
  double epsilon() const { return epsilon_; }
  double mass() const { return mass_; }  ///< what a and b were divided by
  const double* a() const { return a_; }
  const double* b() const { return b_; }
  const double* log_a() const { return log_a_; }
  const double* log_b() const { return log_b_; }
  const double* f() const { return f_; }
  const double* g() const { return g_; }
  const T* cost(index i) const { return cost_.row(i); }
  const execution& how() const { return how_; }
  transport_workspace<T>& workspace() const { return workspace_; }
  /// Three rows of stride() numbers for who reads the potentials.
  T* spare_lines() const { return targets_ + 2 * stride_; }

  /// Σ_i |(P1)_i − a_i| for the sums of the rows of a plan of mass 1.
  double marginal_gap(const double* row_sums) const {
    double gap = 0;
    for (index i = 0; i < n_; ++i) gap += std::abs(row_sums[i] - a_[i]);
    return gap;
  }
  /// Exponents of a steady pass are at most 40, and lose at most e⁻⁴⁰ of a row's weight below T's least number.
  static constexpr double steady_change = 40;
  /// g_j + ε log b_j, −∞ where there is no mass, as the passes take it.
  static double with_mass(double potential, double log_mass, double epsilon) {
    return log_mass == -std::numeric_limits<double>::infinity() ? log_mass : potential + epsilon * log_mass;
  }

 private:
  enum class pass { fresh, steady, scaled };
  static constexpr T infinity = std::numeric_limits<T>::infinity();
  /// Scales stay where squares of them and of their inverses are far from T's ends.
  static constexpr double scale_limit = 14;
  /// What a column may have lost below T's least number is less than this share of the largest weight, times the rows.
  static constexpr double lost_share = sizeof(T) == 4 ? 1e-30 : 1e-300;

  void lay_out(const matrix_view<const T>& cost) {
    cost_ = cost;
    if (cost.column_stride == 1) return;
    T* copy = workspace_.costs.reserve(n_ * m_);
    for (index i = 0; i < n_; ++i)
      for (index j = 0; j < m_; ++j) copy[i * m_ + j] = cost(i, j);
    cost_ = {copy, n_, m_};
  }
  /// Masses that add up to 1, their logarithms; the sum of what was given.
  static double masses(std::span<const double> given, index count, double* mass, double* log_mass) {
    double total = 0;
    for (const double x : given) total += x;
    for (index i = 0; i < count; ++i) {
      mass[i] = given.empty() ? 1 / static_cast<double>(count) : given[static_cast<std::size_t>(i)] / total;
      log_mass[i] = std::log(mass[i]);
    }
    return given.empty() ? 1 : total;
  }
  static void logarithms(const double* x, index count, double* to) {
    sweep<double>(
        count, [](const simd<double>& from, simd<double>& y) DISTILL_LAMBDA_INLINE { y = natural_log(from); }, x, to);
  }
  double target(index j) const { return with_mass(g_[j], log_b_[j], epsilon_); }

  /// Row sums and what they are relative to; sums of columns by chunk, of rows weighted by a_i/S_i.
  void sweep_rows(pass kind) {
    T* const kernel = scaling_ ? workspace_.kernel.reserve(n_ * stride_) : nullptr;
    const T scale = static_cast<T>(1 / epsilon_);
    for_row_groups<T>(
        n_, m_, workspace_, how_, column_sums_, [&](index first, index count, T* exponentials, T* columns) {
          T* const rows = kernel ? kernel + first * stride_ : exponentials;
          T weight[transport_rows];
          for (index r = 0; r < count; ++r) {
            const index i = first + r;
            if (kind == pass::scaled) {
              row_sums_[i] = dot<T>(rows + r * stride_, scales_, m_);
            } else {
              const T base = kind == pass::fresh ? -highest_exponent(targets_, cost(i), m_) : static_cast<T>(f_[i]);
              row_base_[i] = static_cast<double>(base);
              row_sums_[i] = exponentials_of(targets_, cost(i), m_, base, scale, rows + r * stride_);
            }
            weight[r] = static_cast<T>(a_[i] / row_sums_[i]);
          }
          add_weighted_rows(rows, count, stride_, weight, columns);
        });
  }

  /// Sums of columns are relative to targets_, the last potentials or those of the kernel: g = targets_ − ε log(sum).
  void renew_columns() {
    double heaviest = 0;
    for (index i = 0; i < n_; ++i) heaviest = std::max(heaviest, a_[i] / row_sums_[i]);
    const double least = static_cast<double>(n_) * heaviest * lost_share;
    bool by_logarithms = false;
    logarithms(column_sums_, m_, log_columns_);
    change_bound_ = 0;
    for (index j = 0; j < m_; ++j) {
      if (b_[j] == 0 ? extended_ : !(column_sums_[j] >= least)) {
        by_logarithms = true;
        column_sums_[j] = -1;
        continue;
      }
      if (b_[j] == 0) continue;
      g_[j] = static_cast<double>(targets_[j]) - epsilon_ * log_columns_[j];
      change_bound_ = std::max(change_bound_, std::abs(log_b_[j] - log_columns_[j]));
    }
    if (by_logarithms) renew_in_log_domain();
  }

  /// g_j = −ε log Σ_i e^(log a_i + (f_i − C_ij)/ε) for the columns that are marked.
  void renew_in_log_domain() {
    constexpr index width = lane<simd<T>>::width;
    const T scale = static_cast<T>(1 / epsilon_);
    parallel_for(stride_ / width, transport_threads(n_, m_, how_), [&](index block, int) {
      const index from = block * width, count = std::min(width, m_ - from);
      if (std::none_of(column_sums_ + from, column_sums_ + from + count, [](double s) { return s < 0; })) return;
      const auto exponent = [&](index i) DISTILL_LAMBDA_INLINE {
        const T* c = cost(i) + from;
        const simd<T> costs = count == width ? simd<T>::load_unaligned(c) : load_partial<T>(c, count, T(0));
        return simd<T>(static_cast<T>(with_mass(f_[i], log_a_[i], epsilon_))) - costs;
      };
      simd<T> top(-infinity), sum(T(0));
      for (index i = 0; i < n_; ++i) top = lane<simd<T>>::max(top, exponent(i));
      for (index i = 0; i < n_; ++i) sum += exp_scaled(exponent(i) - top, simd<T>(scale));
      alignas(cache_line) T tops[width], sums[width];
      top.store_aligned(tops);
      sum.store_aligned(sums);
      for (index k = 0; k < count; ++k)
        if (column_sums_[from + k] < 0)
          g_[from + k] = -static_cast<double>(tops[k]) - epsilon_ * std::log(static_cast<double>(sums[k]));
    });
    for (index j = 0; j < m_; ++j)
      if (column_sums_[j] < 0 && b_[j] > 0)
        change_bound_ = std::max(change_bound_, std::abs(target(j) - static_cast<double>(targets_[j])) / epsilon_);
  }

  index n_, m_, stride_;
  bool scaling_, extended_;
  execution how_;
  transport_workspace<T>& workspace_;
  matrix_view<const T> cost_;
  double *a_, *log_a_, *f_, *row_sums_, *row_base_, *log_rows_;
  double *b_, *log_b_, *g_, *column_sums_, *log_columns_;
  T *targets_, *scales_;
  double mass_ = 0, epsilon_ = 0, change_bound_ = std::numeric_limits<double>::infinity();
};

}  // namespace detail
DISTILL_NAMESPACE_END
