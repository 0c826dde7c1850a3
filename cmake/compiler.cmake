# SPDX-License-Identifier: Apache-2.0
# Which compilers are trusted, and the flags of each flavour. Everything weft compiles links `weft_flags`.

set(_install "On Debian 12: apt-get install clang-19 lld-19, then configure with a preset (cmake --preset dev).")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  message(FATAL_ERROR "weft does not build with GCC: GCC 12 silently miscompiles coroutines (it destroys temporaries of co_await "
                      "expressions twice), and no newer GCC has been tried. ${_install}")
elseif(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "weft needs clang 19 or newer, not ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}: older ones lack "
                      "std::expected with libstdc++ and deducing this. ${_install}")
endif()

set(WEFT_FLAVOURS dev release bench asan ubsan tsan fuzz tidy)
if(NOT WEFT_FLAVOUR IN_LIST WEFT_FLAVOURS)
  message(FATAL_ERROR "WEFT_FLAVOUR is '${WEFT_FLAVOUR}'; it is one of ${WEFT_FLAVOURS}.")
endif()

find_program(WEFT_CCACHE ccache)
if(WEFT_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${WEFT_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${WEFT_CCACHE}")
endif()

# Archives of LTO objects need an index that binutils' ar cannot write.
find_program(WEFT_LLVM_AR llvm-ar-19)
find_program(WEFT_LLVM_RANLIB llvm-ranlib-19)
if(WEFT_LLVM_AR AND WEFT_LLVM_RANLIB)
  set(CMAKE_AR "${WEFT_LLVM_AR}")
  set(CMAKE_RANLIB "${WEFT_LLVM_RANLIB}")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

# What ships is optimised; tests wait for others nearly all the time, so optimising them costs minutes of building and gains nothing.
add_library(weft_flags INTERFACE)
add_library(weft_optimised INTERFACE)
add_library(weft_optimised_for_size INTERFACE)
if(WEFT_FLAVOUR MATCHES "^(release|bench)$")
  target_compile_options(weft_optimised INTERFACE -O3)
  target_compile_options(weft_optimised_for_size INTERFACE -Os)
else()
  target_compile_options(weft_optimised INTERFACE -O1)
  target_compile_options(weft_optimised_for_size INTERFACE -O1)
endif()
target_include_directories(weft_flags INTERFACE "${CMAKE_SOURCE_DIR}/include" "${CMAKE_SOURCE_DIR}/src")
target_compile_options(weft_flags INTERFACE
  -stdlib=libstdc++ -fno-omit-frame-pointer -ffunction-sections -fdata-sections -gline-tables-only
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align
  -Wimplicit-fallthrough -Wswitch-enum -Wextra-semi -Wunused -Wformat=2 -Wnull-dereference -Wthread-safety -Werror)
target_link_options(weft_flags INTERFACE -fuse-ld=lld-19 -Wl,--gc-sections)

# UBSan's vptr check opens a pipe to look at memory, and so reports what is not there in a process that is out of descriptors.
set(_weft_undefined -fsanitize=undefined -fno-sanitize=vptr -fno-sanitize-recover=all)

if(WEFT_FLAVOUR STREQUAL "dev" OR WEFT_FLAVOUR STREQUAL "tidy")
  target_compile_definitions(weft_flags INTERFACE _GLIBCXX_ASSERTIONS)
elseif(WEFT_FLAVOUR STREQUAL "release" OR WEFT_FLAVOUR STREQUAL "bench")
  target_compile_options(weft_flags INTERFACE -flto=thin)
  target_compile_definitions(weft_flags INTERFACE NDEBUG)
  target_link_options(weft_flags INTERFACE -flto=thin -pie -Wl,-z,noexecstack -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/thinlto)
  # A twentieth of the binary, and of what a start reads: relocations in bits (glibc 2.36 and later), and what templates
  # have made several times, once.
  target_link_options(weft_flags INTERFACE -Wl,-z,pack-relative-relocs -Wl,--icf=safe)
  # What this costs stands in docs/performance.md; off only to measure it again.
  option(WEFT_HARDENED "harden the release and bench builds" ON)
  if(WEFT_HARDENED)
    # _FORTIFY_SOURCE is undefined first: some distributions preset it.
    target_compile_options(weft_flags INTERFACE -U_FORTIFY_SOURCE -fstack-protector-strong -fstack-clash-protection)
    target_compile_definitions(weft_flags INTERFACE _GLIBCXX_ASSERTIONS _FORTIFY_SOURCE=3)
    target_link_options(weft_flags INTERFACE -Wl,-z,relro,-z,now)
  endif()
elseif(WEFT_FLAVOUR STREQUAL "asan")
  target_compile_options(weft_flags INTERFACE -fsanitize=address ${_weft_undefined})
  target_link_options(weft_flags INTERFACE -fsanitize=address,undefined)
  target_compile_definitions(weft_flags INTERFACE _GLIBCXX_ASSERTIONS)
elseif(WEFT_FLAVOUR STREQUAL "ubsan")
  target_compile_options(weft_flags INTERFACE ${_weft_undefined})
  target_link_options(weft_flags INTERFACE -fsanitize=undefined)
  target_compile_definitions(weft_flags INTERFACE _GLIBCXX_ASSERTIONS)
elseif(WEFT_FLAVOUR STREQUAL "tsan")
  target_compile_options(weft_flags INTERFACE -fsanitize=thread)
  target_link_options(weft_flags INTERFACE -fsanitize=thread)
elseif(WEFT_FLAVOUR STREQUAL "fuzz")
  target_compile_options(weft_flags INTERFACE -fsanitize=fuzzer-no-link,address ${_weft_undefined})
  target_link_options(weft_flags INTERFACE -fsanitize=address,undefined)
  target_compile_definitions(weft_flags INTERFACE _GLIBCXX_ASSERTIONS)
endif()
