// Something that ends when its owner does.
#pragma once

#include "../../config.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Calls `end` once, at the end of its life.
template <class End>
class at_exit {
 public:
  explicit at_exit(const End& end) : end_(end) {}
  at_exit(const at_exit&) = delete;
  at_exit& operator=(const at_exit&) = delete;
  ~at_exit() { end_(); }

 private:
  End end_;
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
