// How user code names a node of a tape.
#pragma once

#include <cstdint>

#include "../config.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// A handle to a node of a tape; valid until the tape is reset.
struct variable {
  std::int32_t node = -1;
  std::uint32_t step = 0;
};

}  // namespace nn
DISTILL_NAMESPACE_END
