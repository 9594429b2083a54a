// How a row of features is an image.
#pragma once

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

/// channels × height × width numbers, the last contiguous.
struct image_extents {
  index channels = 1, height = 1, width = 1;

  index size() const { return channels * height * width; }
  /// @throws argument_error  if a row has another number of elements
  void check(const char* who, std::size_t elements) const {
    if (channels < 1 || height < 1 || width < 1 || static_cast<std::size_t>(size()) != elements)
      fail(who, ": an image of ", channels, " x ", height, " x ", width, " expected, the row has ", elements,
           " elements");
  }
};

}  // namespace data
DISTILL_NAMESPACE_END
