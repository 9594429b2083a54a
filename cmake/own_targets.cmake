# What our own tests, benchmarks and examples are built with, and nobody else's.
distill_require(Eigen3 Eigen3::Eigen eigen-mirror/eigen 3.4.0) # its matrices are among the inputs
add_library(distill_own INTERFACE)
target_link_libraries(distill_own INTERFACE distill::distill Eigen3::Eigen)
target_compile_options(distill_own INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<BOOL:${DISTILL_WERROR}>:-Werror>
  # GCC warns inside its own AVX-512 headers (GCC bug 105593)
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-uninitialized>)
if(DISTILL_OPENMP AND TARGET OpenMP::OpenMP_CXX)
  target_link_libraries(distill_own INTERFACE OpenMP::OpenMP_CXX)
endif()

# distill_executable(name [ARCH flags] SOURCES ...): ARCH replaces -march=${DISTILL_ARCH}.
function(distill_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 own "" "" "ARCH;SOURCES;LIBRARIES")
  add_executable(${name} ${own_SOURCES})
  target_link_libraries(${name} PRIVATE distill_own ${own_LIBRARIES})
  if(DEFINED own_ARCH)
    target_compile_options(${name} PRIVATE ${own_ARCH})
  elseif(DISTILL_ARCH)
    target_compile_options(${name} PRIVATE -march=${DISTILL_ARCH})
  endif()
endfunction()
