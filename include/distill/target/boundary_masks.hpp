// Where in an image one class meets another, at the size of a network's output.
#pragma once

#include <algorithm>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// BPKD's masks from a label map: which share of each output pixel lies on a class's boundary, and which within its
/// body.
///   E_c(p)   1 where the edge_width × edge_width window around label pixel p holds class c and something else
///   (dilation
///            less erosion; outside the image nothing is looked at), 0 where the label of p is `ignore`
///   V        the share of an output pixel's label pixels that are not ignored
///   edge     mean of E_c over the output pixel · V;   body = (1 − edge) · V
/// An output pixel's label pixels are those of adaptive average pooling. Both masks are classes × height·width, in [0,
/// 1]. Give them to apply_mask; a class's edge pixels are those where its edge mask is above 0. Source: Liu et al. 2023
/// (BPKD), arXiv 2306.08075, as coded by others.
struct boundary_masks {
  index edge_width = 7;  ///< odd
  index ignore = 255;    ///< the label of pixels without class

  /// `labels` is the label map; edge and body have classes rows and height · width columns.
  /// @throws argument_error  before anything is written: edge_width even or < 1, masks of another shape, a label that
  /// is
  ///   neither a class nor `ignore`, output pixels without label pixels
  template <class T>
  void fill(const any_matrix<index>& labels, index height, index width, const matrix_view<T>& edge,
            const matrix_view<T>& body) const {
    check(labels, height, width, edge, body);
    const index reach = edge_width / 2, classes = edge.rows;
    std::vector<index> seen_at(static_cast<std::size_t>(classes), 0);  // the last label pixel that met the class
    index turn = 0;
    for (index i = 0; i < height; ++i)
      for (index j = 0; j < width; ++j) {
        const index top = i * labels.rows() / height, bottom = ((i + 1) * labels.rows() + height - 1) / height;
        const index left = j * labels.columns() / width, right = ((j + 1) * labels.columns() + width - 1) / width;
        const index cell = i * width + j;
        for (index c = 0; c < classes; ++c) edge(c, cell) = 0;
        index valid = 0;
        for (index y = top; y < bottom; ++y)
          for (index x = left; x < right; ++x) {
            if (labels(y, x) == ignore) continue;
            ++valid;
            add_edges(labels, y, x, reach, cell, ++turn, seen_at, edge);
          }
        const auto size = static_cast<double>((bottom - top) * (right - left));
        const double share = static_cast<double>(valid) / size;
        for (index c = 0; c < classes; ++c) {
          const double on_edge = static_cast<double>(edge(c, cell)) / size * share;
          edge(c, cell) = static_cast<T>(on_edge);
          body(c, cell) = static_cast<T>((1 - on_edge) * share);
        }
      }
  }

 private:
  /// Adds 1 to every class of the window around (y, x), unless the window is all of one label.
  template <class T>
  void add_edges(const any_matrix<index>& labels, index y, index x, index reach, index cell, index turn,
                 std::vector<index>& seen_at, const matrix_view<T>& edge) const {
    const index own = labels(y, x);
    const index top = std::max<index>(0, y - reach), bottom = std::min(labels.rows() - 1, y + reach);
    const index left = std::max<index>(0, x - reach), right = std::min(labels.columns() - 1, x + reach);
    bool mixed = false;
    for (index v = top; v <= bottom && !mixed; ++v)
      for (index u = left; u <= right && !mixed; ++u) mixed = labels(v, u) != own;
    if (!mixed) return;
    for (index v = top; v <= bottom; ++v)
      for (index u = left; u <= right; ++u) {
        const index c = labels(v, u);
        if (c == ignore || seen_at[static_cast<std::size_t>(c)] == turn) continue;
        seen_at[static_cast<std::size_t>(c)] = turn;
        edge(c, cell) += 1;
      }
  }
  template <class T>
  void check(const any_matrix<index>& labels, index height, index width, const matrix_view<T>& edge,
             const matrix_view<T>& body) const {
    if (edge_width < 1 || edge_width % 2 == 0)
      fail("boundary_masks: edge_width is ", edge_width, ", must be positive and odd");
    if (height < 0 || width < 0) fail("boundary_masks: the output is ", height, " x ", width, ", must not be negative");
    if (edge.columns != height * width)
      fail("boundary_masks: edge has ", edge.columns, " columns, the output has ", height * width, " pixels");
    if (body.rows != edge.rows || body.columns != edge.columns)
      fail("boundary_masks: body is ", body.rows, " x ", body.columns, ", edge is ", edge.rows, " x ", edge.columns);
    if (height * width > 0 && (labels.rows() < 1 || labels.columns() < 1))
      fail("boundary_masks: labels is ", labels.rows(), " x ", labels.columns(), ", the output is ", height, " x ",
           width);
    for (index y = 0; y < labels.rows(); ++y)
      for (index x = 0; x < labels.columns(); ++x)
        if (const index c = labels(y, x); c != ignore && (c < 0 || c >= edge.rows))
          fail("boundary_masks: labels[", y, ", ", x, "] is ", c, ", must lie in [0, ", edge.rows, ") or be ", ignore);
  }
};

DISTILL_NAMESPACE_END
