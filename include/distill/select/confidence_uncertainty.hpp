// Which rows to learn from, and how much: a confident teacher, an unsure student.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// LLKD's selection of unlabelled rows. A row counts when the teacher's confidence and the student's uncertainty are
/// both above thresholds that follow running means, over everything and for each class; it weighs confidence ×
/// uncertainty.
///   y = argmax p_t, c = max p_t, u = H(p_s)/log C
///   g ← m g + (1-m) mean,  l_y ← m l_y + (1-m) mean over the rows of class y,  threshold(y) = g l_y / max l
/// The first batch starts the running means. Weights are constants: give them to cross_entropy on the labels y, with
/// reduction::mean_valid(). Nothing chosen: all weights 0.
/// Source: Li et al. 2024 (LLKD), arXiv 2411.08028 (thresholds reconstructed from the text).
class confidence_uncertainty {
 public:
  explicit confidence_uncertainty(index classes, double momentum = 0.9)
      : momentum_(momentum), teacher_(classes), student_(classes) {
    if (classes < 1) fail("confidence_uncertainty: classes is ", classes, ", must be positive");
    if (!(momentum >= 0 && momentum < 1))
      fail("confidence_uncertainty: momentum is ", momentum, ", must lie in [0, 1)");
  }

  struct selection {
    std::vector<index> labels;    ///< the teacher's class
    std::vector<double> weights;  ///< 0 for rows that are not chosen
    index chosen = 0;
  };

  /// `teacher` and `student` are probabilities, N × classes. Updates the running means, then selects.
  template <class T>
  selection update(const matrix_view<const T>& teacher, const matrix_view<const T>& student) {
    const index classes = static_cast<index>(teacher_.by_class.size());
    if (teacher.columns != classes || student.columns != classes || student.rows != teacher.rows)
      fail("confidence_uncertainty: teacher is ", teacher.rows, " x ", teacher.columns, ", student is ", student.rows,
           " x ", student.columns, ", classes is ", classes);
    selection result;
    std::vector<double> confidence, uncertainty;
    for (index r = 0; r < teacher.rows; ++r) {
      index y = 0;
      double entropy = 0;
      for (index c = 0; c < classes; ++c) {
        if (teacher(r, c) > teacher(r, y)) y = c;
        if (const double p = static_cast<double>(student(r, c)); p > 0) entropy -= p * std::log(p);
      }
      result.labels.push_back(y);
      confidence.push_back(static_cast<double>(teacher(r, y)));
      uncertainty.push_back(classes == 1 ? 0 : entropy / std::log(static_cast<double>(classes)));
    }
    teacher_.update(result.labels, confidence, momentum_);
    student_.update(result.labels, uncertainty, momentum_);
    for (std::size_t r = 0; r < confidence.size(); ++r) {
      const index y = result.labels[r];
      const bool keep = confidence[r] >= teacher_.threshold(y) && uncertainty[r] >= student_.threshold(y);
      result.weights.push_back(keep ? confidence[r] * uncertainty[r] : 0);
      result.chosen += keep;
    }
    return result;
  }

 private:
  struct running {
    bool begun = false;
    double whole = 0;
    std::vector<double> by_class;
    explicit running(index classes) : by_class(static_cast<std::size_t>(classes)) {}

    void update(const std::vector<index>& labels, const std::vector<double>& values, double momentum) {
      if (values.empty()) return;
      std::vector<double> sum(by_class.size()), count(by_class.size());
      double total = 0;
      for (std::size_t r = 0; r < values.size(); ++r) {
        total += values[r];
        sum[static_cast<std::size_t>(labels[r])] += values[r];
        ++count[static_cast<std::size_t>(labels[r])];
      }
      const double mean = total / static_cast<double>(values.size()), m = begun ? momentum : 0;
      whole = m * whole + (1 - m) * mean;
      for (std::size_t c = 0; c < by_class.size(); ++c)
        if (count[c] > 0) by_class[c] = m * by_class[c] + (1 - m) * sum[c] / count[c];
      begun = true;
    }
    double threshold(index y) const {
      const double most = *std::max_element(by_class.begin(), by_class.end());
      return most == 0 ? 0 : whole * by_class[static_cast<std::size_t>(y)] / most;
    }
  };
  double momentum_;
  running teacher_, student_;
};

DISTILL_NAMESPACE_END
