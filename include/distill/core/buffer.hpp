// Scratch memory: aligned to a cache line, grown on demand and then reused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "../config.hpp"
#include "matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

inline constexpr std::size_t cache_line = 64;

/// An array of trivially copyable elements on a 64-byte boundary. Growing discards the contents; a size that was once
/// reached never allocates again. Elements are not initialised.
template <class T>
requires std::is_trivially_copyable_v<T>
class buffer {
 public:
  buffer() = default;
  explicit buffer(index size) { reserve(size); }
  buffer(buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~buffer() { release(); }

  T* reserve(index size) {
    if (size > capacity_) {
      release();
      data_ =
          static_cast<T*>(::operator new (static_cast<std::size_t>(size) * sizeof(T), std::align_val_t{cache_line}));
      capacity_ = size;
    }
    return data_;
  }
  T* data() const { return data_; }
  index capacity() const { return capacity_; }

 private:
  void release() {
    ::operator delete (data_, std::align_val_t{cache_line});
    data_ = nullptr;
    capacity_ = 0;
  }
  T* data_ = nullptr;
  index capacity_ = 0;
};

DISTILL_NAMESPACE_END
