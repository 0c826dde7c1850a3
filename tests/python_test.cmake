# SPDX-License-Identifier: Apache-2.0
# weft_python_test(name SCRIPT file.py [RUN program] [TIMEOUT seconds] [ARGS ...]): an integration test in Python, run against the program of this build.
# It needs nothing but the standard library. Exit code 77 is a visible skip.
include_guard(GLOBAL)

function(weft_python_test name)
  if(NOT Python3_FOUND OR WEFT_FLAVOUR STREQUAL "fuzz" OR NOT TARGET weft)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SCRIPT;RUN;TIMEOUT" "ARGS")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  # RUN: a program that gives the test what the standard library has not, and its own Python.
  if(arg_RUN)
    add_test(NAME ${name} COMMAND "${arg_RUN}" python3 -B "${CMAKE_CURRENT_SOURCE_DIR}/${arg_SCRIPT}" ${arg_ARGS})
  else()
    add_test(NAME ${name} COMMAND Python3::Interpreter -B "${CMAKE_CURRENT_SOURCE_DIR}/${arg_SCRIPT}" ${arg_ARGS})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS integration TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "PYTHONPATH=${CMAKE_SOURCE_DIR}/tests/support;WEFT_SOURCE_DIR=${CMAKE_SOURCE_DIR};WEFT_BUILD_DIR=${CMAKE_BINARY_DIR};WEFT_BINARY=$<TARGET_FILE:weft>;WEFT_APPS_DIR=${CMAKE_SOURCE_DIR}/build/apps")
endfunction()
