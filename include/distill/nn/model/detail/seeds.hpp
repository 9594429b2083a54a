// One seed for each layer of a model.
#pragma once

#include <cstdint>

#include "../../../config.hpp"
#include "../../../core/random.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Numbers 0, 1, 2, … of the stream of the model's seed.
class seeds {
 public:
  explicit seeds(std::uint64_t seed) : random_(seed) {}
  std::uint64_t next() { return random_.bits(drawn_++); }

 private:
  random_stream random_;
  std::uint64_t drawn_ = 0;
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
