#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// What the mass outside the k stored classes S means; Q = Σ_S p_t, P = Σ_S p_s.
enum class top_k {
  raw_mass,              ///< Σ_S p_t log(p_t/p_s): gradient Q p_s - p_t on S, Q p_s outside
  teacher_renormalised,  ///< p_t/Q on S: gradient p_s - p_t/Q on S, p_s outside
  both_renormalised,     ///< p_t/Q against p_s/P: gradient p_s/P - p_t/Q on S, 0 outside
  ghost_bucket  ///< p_t and p_s on S and one bucket for the rest: gradient p_s - p_t on S, p_s (1 - (1-Q)/(1-P))
};

/// KL from a teacher of which k classes a row are stored, in the published conventions. (The fifth, reverse KL with a
/// floor outside S, is top_k_reverse_kl.)
///   value     T² Σ_S … as above; ghost_bucket adds (1-Q) log((1-Q)/(1-P))
///   student   T times the gradients above
/// The student's mass outside S is summed over those classes, never formed as 1 - P. With k = 0 every convention is 0;
/// with all classes stored there is no bucket, and a Q below 1 counts as raw mass. Only raw mass can be negative.
/// `batch.stored` holds classes and log-probabilities. Sources: Megatron-LM cached_logits_loss.py and verl (raw mass,
/// ghost), DistillKit (renormalised, uniform tail), NeMo-RL (both renormalised).
struct top_k_kl {
  top_k convention = top_k::ghost_bucket;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{
      .name = "top_k_kl",
      .formula = "T² Σ_S p_t log(p_t/p_s), S the stored classes; four conventions for the rest",
      .source = "Megatron-LM, DistillKit, NeMo-RL",
      .gradient = "see the header: one line for each convention",
      .systems = "FIRST, DCKD, Megatron-LM, DistillKit, verl, NeMo-RL",
      .uses_teacher = false,
      .uses_stored = true,
      .nonnegative = false,
      .zero_at_equality = false};

  bool reads_rest() const { return convention == top_k::ghost_bucket; }

  template <class Number>
  stored_form<Number> evaluate(const stored_row<Number>& row) const {
    using std::exp, std::log;
    const std::size_t k = row.log_t.size();
    const auto plus = [](auto sum, auto log_p) { return sum + exp(log_p); };
    const double Q = std::accumulate(row.log_t.begin(), row.log_t.end(), 0.0, plus);
    const Number P = std::accumulate(row.log_s.begin(), row.log_s.end(), Number(0), plus);
    if (k == 0) return {};
    const bool by_teacher = convention == top_k::teacher_renormalised || convention == top_k::both_renormalised;
    const double log_q = by_teacher ? std::log(Q) : 0;
    const Number log_p = convention == top_k::both_renormalised ? log(P) : Number(0);
    if (by_teacher && Q == 0) return zero(row);
    stored_form<Number> result{.mass = convention == top_k::raw_mass               ? Q
                                       : convention == top_k::teacher_renormalised ? 1.0
                                                                                   : 0.0};
    for (std::size_t j = 0; j < k; ++j) {
      const element<Number> x = bucket<Number>(row.log_t[j] - log_q, row.log_s[j] - log_p);
      const bool whole = result.mass == 0;  // both sides are distributions over the same buckets
      result.value += whole ? x.pt_phi() : -mass_times(x.p_t, x.d);
      row.slopes[j] = whole ? x.pt_expm1() : -x.p_t;
    }
    if (convention != top_k::ghost_bucket) return result;
    const double missing = std::max(0.0, 1 - Q);
    if (row.log_rest_s == -std::numeric_limits<double>::infinity()) {  // no class is left for the bucket
      result.value -= missing;
      for (std::size_t j = 0; j < k; ++j) row.slopes[j] -= missing * exp(row.log_s[j]);
      return result;
    }
    const element<Number> rest = bucket<Number>(std::log(missing), row.log_rest_s);
    result.value += rest.pt_phi();
    result.rest_mass = rest.pt_expm1();
    return result;
  }

 private:
  template <class Number>
  static element<Number> bucket(double log_t, Number log_s) {
    using std::exp;
    const bool absent = std::isinf(log_t) && log_s == log_t;
    return {absent ? Number(0) : log_s - log_t, exp(log_s), std::exp(log_t), log_s, log_t};
  }
  template <class Number>
  static stored_form<Number> zero(const stored_row<Number>& row) {
    std::fill(row.slopes.begin(), row.slopes.end(), Number(0));
    return {};
  }
};

DISTILL_NAMESPACE_END
