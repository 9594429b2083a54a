# Regenerates what is derived and compares it with what is committed.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${ROOT} -DOUT=${OUT} -P ${ROOT}/cmake/generate.cmake
  COMMAND_ERROR_IS_FATAL ANY)
foreach(file include/distill/distill.hpp include/distill/catalogue.hpp include/distill/pair_catalogue.hpp
    include/distill/method_catalogue.hpp include/distill/recipe_catalogue.hpp)
  file(READ "${ROOT}/${file}" committed)
  file(READ "${OUT}/${file}" derived)
  if(NOT committed STREQUAL derived)
    message(SEND_ERROR "${file} is out of date: run ./dev generate")
  endif()
endforeach()

# The README's examples are programs that are compiled.
file(READ "${ROOT}/README.md" readme)
foreach(name ten_lines train_a_student)
  file(READ "${ROOT}/examples/${name}.cpp" example)
  string(FIND "${readme}" "${example}" at)
  if(at EQUAL -1)
    message(SEND_ERROR "README.md does not contain examples/${name}.cpp as it stands")
  endif()
endforeach()
