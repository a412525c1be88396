# Flags that every target has, and one function that makes a folder of src/ into a library with its
# unit tests and fuzzers.

add_library(credence_flags INTERFACE)
target_include_directories(credence_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(credence_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wcast-align -Wformat=2 -Wundef -Werror
  # Replay must give the same bits on every machine: no contraction, no fast-math, no -march=native.
  -ffp-contract=off -fno-fast-math
  -fno-omit-frame-pointer -fdiagnostics-color=always)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Members of a struct inside an anonymous union: g++ takes them as standard, so they are used.
  target_compile_options(credence_flags INTERFACE -Wno-sign-conversion -Wno-nested-anon-types)
else()
  target_compile_options(credence_flags INTERFACE
    -Wno-sign-conversion -Wduplicated-cond -Wlogical-op
    # g++ 12 sees overflows in inlined std::string code that are not there (GCC bugs 105329, 105651).
    -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread
    # It also does not follow the index of a variant or optional (GCC bug 80635).
    -Wno-maybe-uninitialized)
endif()

if(CREDENCE_SANITIZE)
  add_compile_options(-fsanitize=${CREDENCE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CREDENCE_SANITIZE})
endif()
if(CREDENCE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(CREDENCE_MOLD mold)
if(CREDENCE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Every fuzzer, so that building them does not build the rest (only with CREDENCE_FUZZ).
add_custom_target(fuzzers)

find_package(GTest REQUIRED)
find_package(Threads REQUIRED)
include(GoogleTest)

# One precompiled header of the standard library, made once and shared by every target.
file(WRITE ${CMAKE_BINARY_DIR}/pch/empty.cc "")
add_library(credence_pch STATIC ${CMAKE_BINARY_DIR}/pch/empty.cc)
target_link_libraries(credence_pch PUBLIC credence_flags)
if(NOT CREDENCE_PCH)
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
endif()
target_precompile_headers(credence_pch PRIVATE
  <algorithm> <array> <cstdint> <cstring> <functional> <limits> <map> <memory> <optional> <span>
  <string> <string_view> <unordered_map> <utility> <variant> <vector>)

# credence_folder(DEPS base money … [THIRD_PARTY lib …])
#   src/<folder>/*.cc           -> library credence_<folder>
#   src/<folder>/*_test.cc      -> test program <folder>_test, with naive_*.cc linked in
#   src/<folder>/*_fuzz.cc      -> fuzzer <folder>_<name>_fuzz (only with CREDENCE_FUZZ)
function(credence_folder)
  cmake_parse_arguments(ARG "" "" "DEPS;THIRD_PARTY;TEST_DEPS" ${ARGN})
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  file(GLOB all CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz)\\.cc$|/naive_[a-z_]+\\.cc$")
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$|/naive_[a-z_]+\\.cc$")
  set(fuzzers ${all})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")

  set(deps ${ARG_DEPS})
  list(TRANSFORM deps PREPEND credence_)
  if(sources)
    add_library(credence_${folder} STATIC ${sources})
    target_link_libraries(credence_${folder} PUBLIC credence_flags ${deps} ${ARG_THIRD_PARTY})
    target_precompile_headers(credence_${folder} REUSE_FROM credence_pch)
  else()
    add_library(credence_${folder} INTERFACE)
    target_link_libraries(credence_${folder} INTERFACE credence_flags ${deps} ${ARG_THIRD_PARTY})
  endif()

  if(tests AND NOT CREDENCE_FUZZ)
    set(test_deps ${ARG_TEST_DEPS})
    list(TRANSFORM test_deps PREPEND credence_)
    add_executable(${folder}_test ${tests})
    target_link_libraries(${folder}_test PRIVATE credence_${folder} ${test_deps} GTest::gtest_main)
    target_precompile_headers(${folder}_test REUSE_FROM credence_pch)
    target_compile_definitions(${folder}_test PRIVATE CREDENCE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME ${folder}_test COMMAND ${folder}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${folder}_test PROPERTIES TIMEOUT 600)
  endif()

  if(CREDENCE_FUZZ)
    foreach(fuzzer ${fuzzers})
      get_filename_component(name ${fuzzer} NAME_WE)
      add_executable(${folder}_${name} ${fuzzer})
      target_link_libraries(${folder}_${name} PRIVATE credence_${folder})
      target_link_options(${folder}_${name} PRIVATE -fsanitize=fuzzer)
      add_dependencies(fuzzers ${folder}_${name})
    endforeach()
  endif()
endfunction()

# credence_header_check(): the target header_check compiles every header of src/ alone and without the
# precompiled header, which proves that each is self-contained. Not part of the default build.
function(credence_header_check)
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src/*/*.h)
  set(sources)
  foreach(header ${headers})
    string(REPLACE "/" "_" name ${header})
    set(source ${CMAKE_BINARY_DIR}/header_check/${name}.cc)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n#include \"${header}\"\n" @ONLY)
    list(APPEND sources ${source})
  endforeach()
  if(sources)
    add_library(header_check OBJECT EXCLUDE_FROM_ALL ${sources})
    target_link_libraries(header_check PRIVATE credence_flags)
    target_compile_definitions(header_check PRIVATE CREDENCE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  else()
    add_custom_target(header_check)
  endif()
endfunction()
