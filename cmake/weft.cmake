# SPDX-License-Identifier: Apache-2.0
# The functions every folder is built with.
#
#   weft_module(engine SOURCES engine.cpp ... DEPS base async weft::native)   static library weft_engine (alias weft::engine_module)
#             [SMALL]                                                         what ships of it is built for size: no call passes through it
#   weft_test(engine_test SOURCES engine_test.cpp ... DEPS engine)            GoogleTest program, every TEST a ctest entry
#             [LABEL unit|guests|integration|conformance] [TIMEOUT seconds] [ENVIRONMENT K=V...] [ARGS ...] [WHOLE]
#   weft_fuzzer(head_fuzz SOURCES head_fuzz.cpp DEPS web)                      libFuzzer program (preset fuzz); corpus in corpus/head_fuzz
#   weft_bench(head_bench SOURCES head_bench.cpp DEPS web)                     program; dev builds it, too, so that it goes on compiling
#   weft_program(weft SOURCES main.cpp DEPS cli)                               program in bin/
#
# In DEPS a module goes by its folder's name; anything else is a target or library as CMake knows it.
include(GoogleTest)

# Every program. Every test of label unit or guests; what the sanitizer presets build. And every fuzzer.
add_custom_target(programs)
add_custom_target(unit_tests)
add_custom_target(fuzzers)

# What tests find in their environment. Set in ctest itself: discovered tests cannot carry a list of variables.
file(WRITE "${CMAKE_BINARY_DIR}/environment.cmake" "set(ENV{WEFT_SOURCE_DIR} [[${CMAKE_SOURCE_DIR}]])
set(ENV{WEFT_BUILD_DIR} [[${CMAKE_BINARY_DIR}]])
set(ENV{WEFT_BINARY} [[${CMAKE_BINARY_DIR}/bin/weft]])
set(ENV{WEFT_APPS_DIR} [[${CMAKE_SOURCE_DIR}/build/apps]])
set(ENV{WEFT_WIT} [[${WEFT_WIT_EXECUTABLE}]])
")
set_property(DIRECTORY "${CMAKE_SOURCE_DIR}" APPEND PROPERTY TEST_INCLUDE_FILES "${CMAKE_BINARY_DIR}/environment.cmake")

set(WEFT_MODULES base wire async supervision bus engine web dispatch wrpc guest lattice builtins sdk registry host cli)

# A folder that is not there yet is passed over.
function(weft_add_folder folder)
  if(EXISTS "${CMAKE_SOURCE_DIR}/${folder}/CMakeLists.txt")
    add_subdirectory("${CMAKE_SOURCE_DIR}/${folder}" "${CMAKE_BINARY_DIR}/${folder}")
  endif()
endfunction()

function(_weft_link target scope)
  foreach(dependency IN LISTS ARGN)
    if(dependency IN_LIST WEFT_MODULES)
      target_link_libraries(${target} ${scope} weft_${dependency})
    else()
      target_link_libraries(${target} ${scope} ${dependency})
    endif()
  endforeach()
endfunction()

function(weft_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SMALL" "" "SOURCES;DEPS")
  if(arg_UNPARSED_ARGUMENTS)
    list(APPEND arg_SOURCES ${arg_UNPARSED_ARGUMENTS})
  endif()
  add_library(weft_${name} STATIC ${arg_SOURCES})
  target_link_libraries(weft_${name} PUBLIC weft_flags PRIVATE $<IF:$<BOOL:${arg_SMALL}>,weft_optimised_for_size,weft_optimised>)
  weft_precompile(weft_${name} library)
  _weft_link(weft_${name} PUBLIC ${arg_DEPS})
endfunction()

function(weft_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  add_executable(${name} ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  add_dependencies(programs ${name})
  target_link_libraries(${name} PRIVATE weft_flags weft_optimised)
  _weft_link(${name} PRIVATE ${arg_DEPS})
endfunction()

# WHOLE: the program is one ctest entry, for tests that share a costly fixture.
function(weft_test name)
  if(WEFT_FLAVOUR STREQUAL "fuzz")
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "WHOLE" "LABEL;TIMEOUT" "SOURCES;DEPS;ENVIRONMENT;ARGS")
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  # ThreadSanitizer cannot see into the engine's Rust half and would report races that are none.
  foreach(dependency engine guest host weft::native weft_native)
    if(WEFT_FLAVOUR STREQUAL "tsan" AND dependency IN_LIST arg_DEPS)
      return()
    endif()
  endforeach()
  add_executable(${name} ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  if(arg_LABEL MATCHES "^(unit|guests)$")
    add_dependencies(unit_tests ${name})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  weft_precompile(${name} test)
  target_link_libraries(${name} PRIVATE weft_flags GTest::gtest GTest::gmock GTest::gtest_main Threads::Threads)
  _weft_link(${name} PRIVATE ${arg_DEPS})
  set(environment "WEFT_SOURCE_DIR=${CMAKE_SOURCE_DIR}" "WEFT_BUILD_DIR=${CMAKE_BINARY_DIR}" "WEFT_BINARY=${CMAKE_BINARY_DIR}/bin/weft"
      "WEFT_APPS_DIR=${CMAKE_SOURCE_DIR}/build/apps" "WEFT_WIT=${WEFT_WIT_EXECUTABLE}" ${arg_ENVIRONMENT})
  set(properties LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${environment}")
  if(arg_WHOLE)
    add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
    set_tests_properties(${name} PROPERTIES ${properties})
  else()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 EXTRA_ARGS ${arg_ARGS}
      PROPERTIES LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT})
  endif()
endfunction()

# Ten seconds on the corpus in CI. New finds go to the build folder, never into the checked-in corpus.
function(weft_fuzzer name)
  if(NOT WEFT_FLAVOUR STREQUAL "fuzz")
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MAX_LEN" "SOURCES;DEPS")
  if(NOT arg_MAX_LEN)
    set(arg_MAX_LEN 65536)
  endif()
  add_executable(${name} ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  add_dependencies(fuzzers ${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
  target_link_libraries(${name} PRIVATE weft_flags weft_optimised)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  _weft_link(${name} PRIVATE ${arg_DEPS})
  set(finds "${CMAKE_BINARY_DIR}/finds/${name}")
  file(MAKE_DIRECTORY "${finds}")
  set(corpus "${finds}")
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}")
    list(APPEND corpus "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}")
  endif()
  set(seconds 10)
  if(DEFINED ENV{WEFT_FUZZ_SECONDS})
    set(seconds "$ENV{WEFT_FUZZ_SECONDS}")
  endif()
  add_test(NAME ${name} COMMAND ${name} -max_total_time=${seconds} -max_len=${arg_MAX_LEN} -timeout=5 -rss_limit_mb=2048
           -artifact_prefix=${CMAKE_BINARY_DIR}/finds/ ${corpus})
  math(EXPR limit "${seconds} + 60")
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT ${limit})
endfunction()

function(weft_bench name)
  if(NOT WEFT_FLAVOUR MATCHES "^(bench|dev)$")
    return()
  endif()
  weft_program(${name} ${ARGN})
endfunction()
