# The library itself: headers, what they include, and how others find them. No compiler flag travels with it.
file(GLOB_RECURSE DISTILL_HEADERS CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/distill/*.hpp")

add_library(distill INTERFACE)
add_library(distill::distill ALIAS distill)
target_compile_features(distill INTERFACE cxx_std_20)
target_sources(distill INTERFACE FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${DISTILL_HEADERS})
target_link_libraries(distill INTERFACE xsimd Threads::Threads)
if(TARGET ZLIB::ZLIB)
  target_link_libraries(distill INTERFACE ZLIB::ZLIB)
endif()
if(DISTILL_HAS_JSON)
  target_link_libraries(distill INTERFACE nlohmann_json::nlohmann_json)
endif()
# Every header must compile alone: target all_verify_interface_header_sets.
set_target_properties(distill PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})

# Two headers and one page are derived from the tree: `./dev generate` writes them, the test `drift` compares.
add_custom_target(generate
  COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${PROJECT_SOURCE_DIR}/cmake/generate.cmake VERBATIM)

if(NOT DISTILL_FETCHED)
  include(CMakePackageConfigHelpers)
  include(GNUInstallDirs)
  set(config_dir "${CMAKE_INSTALL_DATADIR}/cmake/distill")
  # The 50-digit references, for those who test kernels of their own.
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/tests/reference/" DESTINATION "${CMAKE_INSTALL_DATADIR}/distill/reference"
    FILES_MATCHING PATTERN "*.txt" PATTERN "__pycache__" EXCLUDE)
  install(TARGETS distill EXPORT distill-targets FILE_SET HEADERS)
  install(EXPORT distill-targets NAMESPACE distill:: DESTINATION ${config_dir})
  configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/distill-config.cmake.in"
    "${PROJECT_BINARY_DIR}/distill-config.cmake" INSTALL_DESTINATION ${config_dir})
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/distill-config-version.cmake"
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
  install(FILES "${PROJECT_BINARY_DIR}/distill-config.cmake" "${PROJECT_BINARY_DIR}/distill-config-version.cmake"
    "${CMAKE_CURRENT_LIST_DIR}/distill-xsimd.cmake" DESTINATION ${config_dir})
endif()
