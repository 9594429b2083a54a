// The label's class against the rest: parts of DKD, NKD and OFA-KD.
#pragma once

#include <cmath>

#include "../../row/objective.hpp"
#include "bernoulli.hpp"
#include "labels.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Over all classes but the label.
inline constexpr kept_columns rest_of_classes{.which = kept_columns::rule::without_label};

/// A pair of sites over all classes but the label.
inline site_pair rest_sites(const row_parameter& temperature) {
  row_mix student = row_mix::of(input::student), teacher = row_mix::of(input::teacher);
  student.columns = teacher.columns = rest_of_classes;
  return {site{student, temperature}, {teacher, temperature}};
}

/// KL between (p_y, 1 - p_y) of teacher and student, from the log-odds u = z_y/T - log Σ_{j≠y} e^{z_j/T}: DKD's TCKD.
struct target_class_kl {
  index ignore_index = -100;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;
  static constexpr objective_info info{.name = "target_class_kl",
                                       .formula = "T² KL((p_t,y, 1−p_t,y)‖(p_s,y, 1−p_s,y))",
                                       .source = "Zhao et al. 2022 (DKD), arXiv 2203.08679, eq. 7",
                                       .uses_labels = true};

  site_pair sites() const { return rest_sites(temperature); }
  bool counts(index label) const { return label != ignore_index; }
  void validate_label(index row, index label, index columns) const { require_label(row, label, columns, ignore_index); }
  template <class Number>
  closed_form<2, Number> evaluate(const row_statistics<2, Number>& row) const {
    const Number u_s = row.site[0].label_log_p, u_t = row.site[1].label_log_p;
    const terms<Number> pair = bernoulli_kl(logit_pair<Number>{difference_of(u_s, u_t), u_s, u_t, 1});
    const Number s = pair.to_student[0], t = pair.to_teacher[0];
    return {.value = pair.term[0], .mass = {-s, -t}, .patch = {s, t}};
  }
};

/// Cross-entropy with the label, weighed by F of the teacher's probability of it: -w(p_t,y) log p_s,y. Both softmaxes
/// at one temperature. F returns the weight and its derivative; without a gradient to the teacher where `detach`.
template <class F>
struct trusted_cross_entropy {
  F weight{};
  bool detach = false;
  index ignore_index = -100;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;
  static constexpr objective_info info{.name = "trusted_cross_entropy",
                                       .formula = "−T² w(p_t,y) log p_s,y",
                                       .source = "part of NKD and OFA-KD",
                                       .uses_labels = true,
                                       .zero_at_equality = false};

  site_pair sites() const {
    site teacher{row_mix::of(input::teacher), temperature};
    teacher.row.detached[1] = detach;
    return {site{row_mix::of(input::student), temperature}, teacher};
  }
  bool counts(index label) const { return label != ignore_index; }
  void validate_label(index row, index label, index columns) const { require_label(row, label, columns, ignore_index); }
  template <class Number>
  closed_form<2, Number> evaluate(const row_statistics<2, Number>& row) const {
    using std::exp, std::isinf;
    const Number log_s = row.site[0].label_log_p, p = exp(row.site[1].label_log_p);
    const folded<1, Number> w = weight(p);
    const Number to_teacher = p == 0 || isinf(log_s) ? Number(0) : -w.partial[0] * p * log_s;  // ∂/∂log p_t,y
    return {.value = mass_times(-w.value, log_s), .mass = {w.value, -to_teacher}, .patch = {-w.value, to_teacher}};
  }
};

}  // namespace detail
DISTILL_NAMESPACE_END
