# SPDX-License-Identifier: Apache-2.0
# The Rust half: crates/ becomes one static library, `weft::native`, and the guest tool `weft-wit`.
# Cargo's target folder lives outside the checkout, shared by all presets and clones: wasmtime takes minutes to compile.

if(DEFINED ENV{WEFT_CACHE_DIR})
  set(WEFT_CACHE_DIR "$ENV{WEFT_CACHE_DIR}")
else()
  set(WEFT_CACHE_DIR "$ENV{HOME}/.cache/weft")
endif()
set(WEFT_CARGO_TARGET_DIR "${WEFT_CACHE_DIR}/cargo")

# The machine's own cargo if it is new enough, else Debian's cargo-web.
set(_weft_rust_floor 1.95)
function(_weft_try_cargo path result)
  set(${result} FALSE PARENT_SCOPE)
  execute_process(COMMAND "${path}" --version OUTPUT_VARIABLE text ERROR_QUIET RESULT_VARIABLE status WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/crates")
  if(status EQUAL 0 AND text MATCHES "cargo ([0-9]+\\.[0-9]+)" AND CMAKE_MATCH_1 VERSION_GREATER_EQUAL _weft_rust_floor)
    set(${result} TRUE PARENT_SCOPE)
  endif()
endfunction()
if(NOT WEFT_CARGO)
  find_program(_weft_path_cargo cargo)
  foreach(candidate "${_weft_path_cargo}" "$ENV{HOME}/.cargo/bin/cargo" /usr/bin/cargo)
    if(candidate AND EXISTS "${candidate}")
      _weft_try_cargo("${candidate}" usable)
      if(usable)
        set(WEFT_CARGO "${candidate}" CACHE FILEPATH "cargo, 1.95 or newer")
        break()
      endif()
    endif()
  endforeach()
endif()
if(NOT WEFT_CARGO)
  message(FATAL_ERROR "weft needs cargo and rustc ${_weft_rust_floor} or newer to build its engine. On Debian 12: apt-get install cargo-web rustc-web.")
endif()

# dist is what ships; release builds much faster and is good enough for tests, and to try one change after the other.
if(WEFT_FLAVOUR STREQUAL "release" OR WEFT_FLAVOUR STREQUAL "bench")
  set(WEFT_CARGO_PROFILE dist CACHE STRING "cargo profile of the engine: dist or release")
else()
  set(WEFT_CARGO_PROFILE release CACHE STRING "cargo profile of the engine: dist or release")
endif()
# rustc and rustdoc must be the neighbours of the cargo that was chosen, whatever comes first in PATH.
cmake_path(GET WEFT_CARGO PARENT_PATH _weft_cargo_bin)
set(WEFT_CARGO_COMMAND "${CMAKE_COMMAND}" -E env "CARGO_TARGET_DIR=${WEFT_CARGO_TARGET_DIR}" "WEFT_CHECKOUT=${CMAKE_SOURCE_DIR}" "RUSTC=${_weft_cargo_bin}/rustc" "${WEFT_CARGO}")
execute_process(COMMAND "${_weft_cargo_bin}/rustc" --version OUTPUT_VARIABLE _weft_rustc_text WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/crates")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" WEFT_RUSTC_VERSION "${_weft_rustc_text}")

if(EXISTS "${CMAKE_SOURCE_DIR}/crates/weft-native/Cargo.toml")
  set(_archive "${WEFT_CARGO_TARGET_DIR}/${WEFT_CARGO_PROFILE}/libweft_native.a")
  add_custom_target(weft_native_build
    COMMAND ${WEFT_CARGO_COMMAND} build --locked --profile ${WEFT_CARGO_PROFILE} -p weft-native
    BYPRODUCTS "${_archive}"
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/crates"
    COMMENT "cargo build -p weft-native (${WEFT_CARGO_PROFILE})"
    USES_TERMINAL VERBATIM)
  add_library(weft_native STATIC IMPORTED GLOBAL)
  add_library(weft::native ALIAS weft_native)
  # No add_dependencies: that would make every C++ object wait for cargo. The link waits, because the archive is a byproduct.
  file(MAKE_DIRECTORY "${CMAKE_SOURCE_DIR}/crates/weft-engine/include")
  set_target_properties(weft_native PROPERTIES
    IMPORTED_LOCATION "${_archive}"
    INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_SOURCE_DIR}/crates/weft-engine/include"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;dl;m")
endif()

# The guest tool, for apps and their tests; always the quick profile.
set(WEFT_WIT_EXECUTABLE "${WEFT_CARGO_TARGET_DIR}/release/weft-wit")
add_custom_target(weft_wit
  COMMAND ${WEFT_CARGO_COMMAND} build --locked --release -p weft-wit --bin weft-wit
  BYPRODUCTS "${WEFT_WIT_EXECUTABLE}"
  WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/crates"
  COMMENT "cargo build -p weft-wit"
  USES_TERMINAL VERBATIM)
