// Counts what the program asks of operator new. Replaces it for the whole executable: to be included by its only
// source.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace harness {

inline std::atomic<long> allocations{0}, allocated_bytes{0};

inline void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  allocated_bytes += static_cast<long>(size);
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, rounded > 0 ? rounded : alignment)) return memory;
  throw std::bad_alloc();
}

// Not inlined: GCC would see free() of what a new expression returned, and warn.
[[gnu::noinline]] inline void release(void* memory) { std::free(memory); }

}  // namespace harness

void* operator new(std::size_t size) { return harness::counted(size, alignof(std::max_align_t)); }
void* operator new[](std::size_t size) { return harness::counted(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return harness::counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return harness::counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { harness::release(p); }
void operator delete[](void* p) noexcept { harness::release(p); }
void operator delete(void* p, std::size_t) noexcept { harness::release(p); }
void operator delete[](void* p, std::size_t) noexcept { harness::release(p); }
void operator delete(void* p, std::align_val_t) noexcept { harness::release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { harness::release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { harness::release(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { harness::release(p); }
