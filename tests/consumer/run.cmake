# Configures, builds and runs the consumer against the source tree or against a fresh installation.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${BUILD}")
set(find "")
if(WAY STREQUAL "package")
  execute_process(COMMAND ${CMAKE_COMMAND} --install ${DISTILL_BUILD} --prefix ${BUILD}/prefix COMMAND_ERROR_IS_FATAL ANY
    OUTPUT_QUIET)
  set(find -DCMAKE_PREFIX_PATH=${BUILD}/prefix)
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -S ${ROOT}/tests/consumer -B ${BUILD}/build -G ${GENERATOR}
  -DCMAKE_CXX_COMPILER=${COMPILER} -DWAY=${WAY} -DROOT=${ROOT} ${find} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD}/build COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${BUILD}/build/consumer COMMAND_ERROR_IS_FATAL ANY)
