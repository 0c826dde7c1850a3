# SPDX-License-Identifier: Apache-2.0
# Checks that run as tests: layers, self-contained headers, format, the crates' own tests, clang-tidy.

if(WEFT_FLAVOUR STREQUAL "tidy")
  add_test(NAME clang_tidy COMMAND "${CMAKE_SOURCE_DIR}/scripts/tidy.py" "${CMAKE_BINARY_DIR}")
  set_tests_properties(clang_tidy PROPERTIES LABELS tidy TIMEOUT 3000)
endif()

if(NOT WEFT_FLAVOUR STREQUAL "dev")
  return()
endif()

add_test(NAME check_layers COMMAND "${CMAKE_SOURCE_DIR}/scripts/check_layers.py")
add_test(NAME check_format COMMAND "${CMAKE_SOURCE_DIR}/scripts/check_format")

# Every header names all it needs and survives repetition. One with a source of its name is that source's first include (clang-format sees to
# it), which clang-tidy and what ships parse without anything before it; the others are compiled here, each as its own unit and twice included.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}"
  "${CMAKE_SOURCE_DIR}/include/*.hpp" "${CMAKE_SOURCE_DIR}/src/*.hpp" "${CMAKE_SOURCE_DIR}/crates/weft-engine/include/*.h")
set(units "")
foreach(header IN LISTS headers)
  string(REGEX REPLACE "\\.hpp$" ".cpp" source "${header}")
  if(EXISTS "${CMAKE_SOURCE_DIR}/${source}")
    continue()
  endif()
  string(REGEX REPLACE "^(include|src|crates/weft-engine/include)/" "" name "${header}")
  string(MAKE_C_IDENTIFIER "${header}" unit)
  set(unit "${CMAKE_BINARY_DIR}/headers/${unit}.cpp")
  set(text "#include \"${name}\"\n#include \"${name}\"  // NOLINT: twice on purpose\n")
  set(old "")
  if(EXISTS "${unit}")
    file(READ "${unit}" old)
  endif()
  if(NOT text STREQUAL old)
    file(WRITE "${unit}" "${text}")
  endif()
  list(APPEND units "${unit}")
endforeach()
add_library(check_headers OBJECT EXCLUDE_FROM_ALL ${units})
target_link_libraries(check_headers PRIVATE weft_flags weft::asio weft::fmt CLI11::CLI11)
target_include_directories(check_headers PRIVATE "${CMAKE_SOURCE_DIR}/crates/weft-engine/include" "${CMAKE_SOURCE_DIR}/tests")
add_test(NAME check_headers COMMAND "${CMAKE_COMMAND}" --build "${CMAKE_BINARY_DIR}" --target check_headers)
set_tests_properties(check_layers check_format check_headers PROPERTIES LABELS check TIMEOUT 900)

# The crates' own tests, where they have some.
file(GLOB crate_manifests "${CMAKE_SOURCE_DIR}/crates/*/Cargo.toml")
if(crate_manifests)
  add_test(NAME crates COMMAND ${WEFT_CARGO_COMMAND} test --locked --release --workspace --exclude weft-native
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/crates")
  set_tests_properties(crates PROPERTIES LABELS "rust" TIMEOUT 1800 RUN_SERIAL ON ENVIRONMENT
    "WEFT_SOURCE_DIR=${CMAKE_SOURCE_DIR};WEFT_APPS_DIR=${CMAKE_SOURCE_DIR}/build/apps")
endif()
