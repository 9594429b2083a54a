// The extents of a tensor.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// One to four extents, outermost first: (batch, features) or (batch, channels, height, width).
class tensor_shape {
 public:
  static constexpr int largest_rank = 4;

  constexpr tensor_shape() = default;
  /// @throws argument_error  more than four extents, or a negative one
  constexpr tensor_shape(std::initializer_list<index> extents)
      : tensor_shape(std::span(extents.begin(), extents.size())) {}
  explicit constexpr tensor_shape(std::span<const index> extents) {
    if (extents.size() > largest_rank)
      fail("tensor_shape: ", extents.size(), " extents given, at most ", largest_rank, " expected");
    for (const index extent : extents) {
      if (extent < 0) fail("tensor_shape: extent ", rank_, " is ", extent, ", at least 0 expected");
      extents_[static_cast<std::size_t>(rank_++)] = extent;
    }
  }

  constexpr int rank() const { return rank_; }
  constexpr index operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  /// The number of elements; 0 for the shape without extents.
  constexpr index size() const { return rank_ == 0 ? 0 : extents_[0] * features(); }
  /// The number of elements of one item of the batch: the product of all extents but the first.
  constexpr index features() const {
    index product = 1;
    for (int axis = 1; axis < rank_; ++axis) product *= (*this)[axis];
    return product;
  }
  /// "128×1×28×28"
  std::string text() const {
    std::string result = rank_ == 0 ? "empty" : "";
    for (int axis = 0; axis < rank_; ++axis) result += (axis == 0 ? "" : "×") + std::to_string((*this)[axis]);
    return result;
  }
  constexpr bool operator==(const tensor_shape&) const = default;

 private:
  std::array<index, largest_rank> extents_{};
  int rank_ = 0;
};

}  // namespace nn
DISTILL_NAMESPACE_END
