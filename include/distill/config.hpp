// The only macros of the library: version, host/device marker, the inline namespace, and what we refuse to build under.
#pragma once

#define DISTILL_VERSION_MAJOR 0
#define DISTILL_VERSION_MINOR 1
#define DISTILL_VERSION_PATCH 0

// Relaxed floating-point rules delete the handling of -inf and NaN and the compensated differences that the accuracy
// figures rest on. GCC and Clang announce each of them.
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error \
    "distill: -ffast-math (or a part of it: finite, associative or reciprocal math) breaks masked classes and the accuracy of every objective; compile this file without it"
#endif

#if defined(__CUDACC__)
#define DISTILL_HD __host__ __device__
#else
#define DISTILL_HD
#endif

#if defined(__GNUC__) || defined(__clang__)
#define DISTILL_INLINE inline __attribute__((always_inline))
#define DISTILL_LAMBDA_INLINE __attribute__((always_inline))
#else
#define DISTILL_INLINE inline
#define DISTILL_LAMBDA_INLINE
#endif

// Two translation units with different instruction sets or thread back ends may be linked into one program: the inline
// namespace keeps their copies of the same template apart, and makes passing an engine type across them a link error.
#if defined(__AVX512BW__)
#define DISTILL_ISA avx512
#elif defined(__AVX512F__)
#define DISTILL_ISA avx512f
#elif defined(__AVX2__) && defined(__FMA__)
#define DISTILL_ISA avx2_fma
#elif defined(__AVX2__)
#define DISTILL_ISA avx2
#elif defined(__AVX__) && defined(__FMA__)
#define DISTILL_ISA avx_fma
#elif defined(__AVX__)
#define DISTILL_ISA avx
#elif defined(__FMA__)
#define DISTILL_ISA fma
#elif defined(__SSE4_2__)
#define DISTILL_ISA sse4_2
#elif defined(__SSE2__)
#define DISTILL_ISA sse2
#elif defined(__ARM_NEON)
#define DISTILL_ISA neon
#else
#define DISTILL_ISA generic
#endif

#if defined(__SANITIZE_THREAD__)
#define DISTILL_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DISTILL_THREAD_SANITIZER 1
#endif
#endif

// OpenMP's runtime is not instrumented: under the thread sanitizer the std::thread back end runs instead.
#if defined(_OPENMP) && !defined(DISTILL_THREAD_SANITIZER)
#define DISTILL_THREADS openmp
#define DISTILL_USE_OPENMP 1
#else
#define DISTILL_THREADS std_thread
#define DISTILL_USE_OPENMP 0
#endif

#define DISTILL_JOIN_(a, b, c, d, e) v##a##_##b##_##c##_##d##_##e
#define DISTILL_JOIN(a, b, c, d, e) DISTILL_JOIN_(a, b, c, d, e)
#define DISTILL_ABI \
  DISTILL_JOIN(DISTILL_VERSION_MAJOR, DISTILL_VERSION_MINOR, DISTILL_VERSION_PATCH, DISTILL_ISA, DISTILL_THREADS)

#define DISTILL_NAMESPACE_BEGIN \
  namespace distill {           \
  inline namespace DISTILL_ABI {
#define DISTILL_NAMESPACE_END \
  }                           \
  }
