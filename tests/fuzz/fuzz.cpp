// One reader under libFuzzer: -DDISTILL_FUZZ_READER=npy. `./dev fuzz` builds and runs it.
#include "targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::DISTILL_FUZZ_READER({data, size});
  return 0;
}
