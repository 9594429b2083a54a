// One row for every class, following the means of its members.
#pragma once

#include <algorithm>
#include <istream>
#include <limits>
#include <ostream>
#include <vector>

#include "../config.hpp"
#include "../contrast/workspace.hpp"
#include "../core/error.hpp"
#include "../core/sums.hpp"
#include "../dense/product.hpp"
#include "../pair/segment_means.hpp"
#include "detail/state_file.hpp"

DISTILL_NAMESPACE_BEGIN

/// p_c ← m p_c + (1 − m) mean of the features labelled c; the first members of a class are taken as they are, a class
/// without members keeps its row. Label −1: none.
///   prototypes<float> own(classes, width);
///   own.update(features, labels);
///   own.backward(slopes, to_features);       the own class's slope times (1 − m), at first 1, over the class's size
///   own.logits(features, τ_d, out);          pseudo labels: softmax_c(−‖h − p_c‖²/τ_d)
/// A value: a copy is a snapshot.
///
/// Source: Ge et al. 2023 (ProKD), arXiv 2301.08855; the distance softmax is Snell et al. 2017, arXiv 1703.05175,
/// eq. 2.
template <class T>
class prototypes {
 public:
  /// @throws argument_error  classes or width < 1, momentum outside [0, 1]
  prototypes(index classes, index width, double momentum = 0.9)
      : classes_(classes), width_(width), momentum_(momentum) {
    if (classes < 1) fail("prototypes: classes is ", classes, ", must be at least 1");
    if (width < 1) fail("prototypes: width is ", width, ", must be at least 1");
    if (!(momentum >= 0 && momentum <= 1)) fail("prototypes: momentum is ", momentum, ", must lie in [0, 1]");
    rows_.assign(static_cast<std::size_t>(classes * width), T(0));
    known_.assign(static_cast<std::size_t>(classes), 0);
    share_.assign(static_cast<std::size_t>(classes), 0);
  }

  index classes() const { return classes_; }
  index width() const { return width_; }
  matrix_view<const T> rows() const { return {rows_.data(), classes_, width_}; }
  /// Whether the class has ever had members, and whether it had any in the last update.
  bool known(index c) const { return known_[static_cast<std::size_t>(c)] != 0; }
  bool present(index c) const { return share_[static_cast<std::size_t>(c)] != 0; }

  /// @throws argument_error  before any row moves: labels outside [−1, classes), other shapes
  void update(const matrix_view<const T>& features, const index_view& labels, const execution& how = {}) {
    if (labels.size() != features.rows)
      fail("prototypes: labels has ", labels.size(), " entries, features has ", features.rows, " rows");
    check_width(features);
    members_.assign(labels, classes_);
    means_.resize(rows_.size());
    if (features.rows > 0) members_.forward(features, matrix_view<T>(means_.data(), classes_, width_), how);
    for (index c = 0; c < classes_; ++c) {
      double& share = share_[static_cast<std::size_t>(c)];
      share = members_.size(c) == 0 ? 0 : known(c) ? 1 - momentum_ : 1;
      if (members_.size(c) == 0) continue;
      for (index i = c * width_; i < (c + 1) * width_; ++i) {
        const double old = static_cast<double>(rows_[static_cast<std::size_t>(i)]);
        const double mean = static_cast<double>(means_[static_cast<std::size_t>(i)]);
        rows_[static_cast<std::size_t>(i)] = static_cast<T>(share == 1 ? mean : momentum_ * old + share * mean);
      }
      known_[static_cast<std::size_t>(c)] = 1;
    }
  }
  /// From slopes of the rows to the features of this object's last update.
  void backward(const matrix_view<const T>& slopes, const matrix_view<T>& to_features, bool add = false,
                const execution& how = {}) {
    if (slopes.rows != classes_ || slopes.columns != width_)
      fail("prototypes: slopes is ", slopes.rows, " x ", slopes.columns, ", must be ", classes_, " x ", width_);
    means_.resize(rows_.size());
    const matrix_view<T> own(means_.data(), classes_, width_);
    for (index c = 0; c < classes_; ++c)
      for (index i = 0; i < width_; ++i)
        own(c, i) = present(c) ? static_cast<T>(share_[static_cast<std::size_t>(c)]) * slopes(c, i) : T(0);
    members_.backward(matrix_view<const T>(own), to_features, add, how);
  }

  /// −‖h − p_c‖²/τ_d up to what a row's classes have in common; −inf for a class that never had members. The teacher
  /// of a row objective at temperature 1, or of soft labels that are constants.
  /// @throws argument_error  τ_d not positive, other shapes
  void logits(const matrix_view<const T>& features, double temperature, const matrix_view<T>& out, const execution& how,
              contrast_workspace<T>& workspace) const {
    check_width(features);
    if (!(temperature > 0)) fail("prototypes: temperature is ", temperature, ", must be positive");
    if (out.rows != features.rows || out.columns != classes_)
      fail("prototypes: out is ", out.rows, " x ", out.columns, ", must be ", features.rows, " x ", classes_);
    // Seen from the middle of the prototypes: squares of a common offset would cancel.
    detail::contrast_scratch<T>& scratch = workspace.scratch();
    double* const middle = scratch.numbers.reserve(width_);
    std::fill(middle, middle + width_, 0.0);
    double count = 0;
    for (index c = 0; c < classes_; ++c) {
      if (!known(c)) continue;
      for (index i = 0; i < width_; ++i) middle[i] += static_cast<double>(rows()(c, i));
      ++count;
    }
    for (index i = 0; i < width_ && count > 0; ++i) middle[i] /= count;
    const auto seen = [&](const matrix_view<const T>& from, buffer<T>& memory) {
      const matrix_view<T> to(memory.reserve(from.rows * width_), from.rows, width_);
      for (index r = 0; r < from.rows; ++r)
        for (index i = 0; i < width_; ++i) to(r, i) = static_cast<T>(static_cast<double>(from(r, i)) - middle[i]);
      return matrix_view<const T>(to);
    };
    const matrix_view<const T> p = seen(rows(), scratch.side[0].rows), h = seen(features, scratch.side[1].rows);
    const matrix_view<T> s(scratch.similarities.reserve(out.rows * classes_), out.rows, classes_);
    product(h, transposed(p), s, {}, how, static_cast<T>(2));
    for (index c = 0; c < classes_; ++c) {
      const double square = detail::dot<T>(p.row(c), p.row(c), width_);
      for (index r = 0; r < out.rows; ++r)
        out(r, c) = known(c) ? static_cast<T>((static_cast<double>(s(r, c)) - square) / temperature)
                             : -std::numeric_limits<T>::infinity();
    }
  }
  void logits(const matrix_view<const T>& features, double temperature, const matrix_view<T>& out,
              const execution& how = {}) const {
    contrast_workspace<T> workspace;
    logits(features, temperature, out, how, workspace);
  }

  /// classes, width, momentum, the rows, which classes are known (one byte each) and the last update's shares. What
  /// backward() needs of the last update is not kept. @throws file_error  the stream cannot be written
  void save(std::ostream& out) const {
    detail::state_writer file(out, "prototypes", sizeof(T));
    file.integer(classes_), file.integer(width_), file.real(momentum_);
    file.numbers(rows_), file.numbers(known_), file.numbers(share_);
    file.finish();
  }
  /// Becomes what was saved, whatever it was. @throws file_error  and stays what it was
  void load(std::istream& in) {
    detail::state_reader file(in, "prototypes", sizeof(T));
    const index classes = file.integer("classes", 1, detail::largest_extent);
    const index width = file.integer("width", 1, detail::largest_extent);
    const double momentum = file.share("momentum");
    auto rows = file.template numbers<T>(classes, width);
    auto known = file.template numbers<unsigned char>(classes, 1);
    auto share = file.template numbers<double>(classes, 1);
    rows_ = std::move(rows), known_ = std::move(known), share_ = std::move(share);
    classes_ = classes, width_ = width, momentum_ = momentum;
    members_ = {};
  }

 private:
  void check_width(const matrix_view<const T>& features) const {
    if (features.rows > 0 && features.columns != width_)
      fail("prototypes: features has ", features.columns, " columns, the prototypes have ", width_);
  }

  index classes_, width_;
  double momentum_;
  std::vector<T> rows_, means_;
  std::vector<unsigned char> known_;
  std::vector<double> share_;
  segment_means members_;
};

DISTILL_NAMESPACE_END
