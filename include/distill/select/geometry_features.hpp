// Where student, teacher and truth stand to each other, sample by sample.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../core/stable_softmax.hpp"

DISTILL_NAMESPACE_BEGIN

/// What geometry_features writes of a sample.
enum class geometry_form {
  vertices_and_squares,  ///< the four vertices and five element-wise squared edges: 9C numbers, the published form
  sides_and_angles       ///< five Euclidean sides and the cosines of six angles: 11 numbers, whatever C
};

/// Four points on the simplex of C classes for every sample: the student's probabilities S = softmax(z_s), the
/// teacher's 𝒯 = softmax(z_t), the truth G (one-hot y), and T̄ = T̄_y, the mean of the teacher's probabilities over the
/// training samples of class y. They span two triangles on the side S–G, (S, 𝒯, G) and (S, T̄, G):
///
///     vertices and squares  S, 𝒯, G, T̄, (T̄−S)², (G−S)², (𝒯−S)², (𝒯−G)², (T̄−G)², each C numbers
///     sides and angles      ‖T̄−S‖, ‖G−S‖, ‖𝒯−S‖, ‖𝒯−G‖, ‖T̄−G‖, then cos∠S, cos∠𝒯, cos∠G, cos∠S, cos∠T̄, cos∠G
///
/// cos∠S = ⟨𝒯−S, G−S⟩ / (‖𝒯−S‖ ‖G−S‖) and so on, 0 where a side is 0. Constants: nothing here has a gradient. Computed
/// in double. Source: Hu et al. 2024 (TGeo-KD), arXiv 2312.15112; the compact form is a reconstruction for large C.
template <class T>
class geometry_features {
 public:
  /// class_means is C × C, T̄_y in row y (state/add_probabilities.hpp makes it); it is copied. A row of zeros, a class
  /// that was never seen, stands for 1/C each.
  /// @throws argument_error  a table that is empty or not square, an entry outside [0, 1]
  explicit geometry_features(const matrix_view<const T>& class_means,
                             geometry_form form = geometry_form::vertices_and_squares)
      : form_(form), classes_(class_means.columns) {
    if (class_means.rows != classes_ || classes_ < 1)
      fail("geometry_features: class_means is ", class_means.rows, " x ", classes_, ", classes x classes expected");
    for (index y = 0; y < classes_; ++y) {
      double sum = 0;
      for (index c = 0; c < classes_; ++c) {
        const double p = static_cast<double>(class_means(y, c));
        if (!(p >= 0 && p <= 1))
          fail("geometry_features: class_means[", y, ", ", c, "] is ", p, ", a probability in [0, 1] expected");
        means_.push_back(p);
        sum += p;
      }
      if (sum == 0) std::fill(means_.end() - classes_, means_.end(), 1 / static_cast<double>(classes_));
    }
    points_.resize(static_cast<std::size_t>(4 * classes_));
  }

  index classes() const { return classes_; }
  /// Numbers a sample: 9C or 11.
  index width() const { return form_ == geometry_form::vertices_and_squares ? 9 * classes_ : 11; }

  /// Logits of student and teacher, n × C, and the n true classes, to n × width().
  /// @throws argument_error  naming what does not fit, before anything is written
  void operator()(const matrix_view<const T>& student, const matrix_view<const T>& teacher, const index_view& classes,
                  const matrix_view<T>& to) {
    check("student", student, student.rows, classes_);
    check("teacher", teacher, student.rows, classes_);
    check("to", to, student.rows, width());
    if (classes.size() != student.rows)
      fail("geometry_features: classes has ", classes.size(), " entries, student has ", student.rows, " rows");
    for (index r = 0; r < student.rows; ++r)
      if (classes[r] < 0 || classes[r] >= classes_)
        fail("geometry_features: classes[", r, "] is ", classes[r], ", must lie in [0, ", classes_, ")");
    for (index r = 0; r < student.rows; ++r) {
      stable_softmax(student, r, point(s));
      stable_softmax(teacher, r, point(t));
      std::fill_n(point(g), classes_, 0.0);
      point(g)[classes[r]] = 1;
      std::copy_n(means_.data() + classes[r] * classes_, classes_, point(mean));
      form_ == geometry_form::vertices_and_squares ? vertices_and_squares(r, to) : sides_and_angles(r, to);
    }
  }

 private:
  enum vertex { s, t, g, mean };
  struct edge {
    vertex from, to;
  };
  static constexpr std::array<edge, 5> edges{{{s, mean}, {s, g}, {s, t}, {g, t}, {g, mean}}};

  double* point(vertex v) { return points_.data() + static_cast<index>(v) * classes_; }

  /// ⟨a − from, b − from⟩
  double product(vertex from, vertex a, vertex b) {
    double sum = 0;
    for (index c = 0; c < classes_; ++c) sum += (point(a)[c] - point(from)[c]) * (point(b)[c] - point(from)[c]);
    return sum;
  }
  double side(vertex from, vertex to) { return std::sqrt(product(from, to, to)); }
  double cosine(vertex at, vertex a, vertex b) {
    const double sides = side(at, a) * side(at, b);
    return sides == 0 ? 0 : std::clamp(product(at, a, b) / sides, -1.0, 1.0);
  }

  void vertices_and_squares(index r, const matrix_view<T>& to) {
    for (index k = 0; k < 4 * classes_; ++k) to(r, k) = static_cast<T>(points_[static_cast<std::size_t>(k)]);
    index k = 4 * classes_;
    for (const edge& e : edges)
      for (index c = 0; c < classes_; ++c, ++k) {
        const double d = point(e.to)[c] - point(e.from)[c];
        to(r, k) = static_cast<T>(d * d);
      }
  }
  void sides_and_angles(index r, const matrix_view<T>& to) {
    index k = 0;
    for (const edge& e : edges) to(r, k++) = static_cast<T>(side(e.from, e.to));
    for (const vertex third : {t, mean})
      for (const double angle : {cosine(s, third, g), cosine(third, s, g), cosine(g, s, third)})
        to(r, k++) = static_cast<T>(angle);
  }

  template <class Element>
  static void check(const char* name, const matrix_view<Element>& m, index rows, index columns) {
    if (m.rows != rows || m.columns != columns)
      fail("geometry_features: ", name, " is ", m.rows, " x ", m.columns, ", ", rows, " x ", columns, " expected");
  }

  geometry_form form_;
  index classes_;
  std::vector<double> means_, points_;
};

DISTILL_NAMESPACE_END
