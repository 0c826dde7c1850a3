# SPDX-License-Identifier: Apache-2.0
# The libraries weft stands on, all Debian's. Each is used through one name here, so that its version and flags have one home.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
set(Boost_USE_STATIC_LIBS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(fmt 9 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(GTest 1.12 REQUIRED)

# weft::asio: Boost headers (Asio, Beast) without deprecated names.
add_library(weft_asio INTERFACE)
add_library(weft::asio ALIAS weft_asio)
target_link_libraries(weft_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(weft_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY)

# weft::fmt. What ships carries it inside, so that the weft binary needs nothing but libc and
# libstdc++; daily builds link Debian's shared one, which compiles faster. (Debian has no archive of it.)
add_library(weft_fmt INTERFACE)
add_library(weft::fmt ALIAS weft_fmt)
if(WEFT_FLAVOUR STREQUAL "release" OR WEFT_FLAVOUR STREQUAL "bench")
  target_link_libraries(weft_fmt INTERFACE fmt::fmt-header-only)
else()
  target_link_libraries(weft_fmt INTERFACE fmt::fmt)
endif()

# weft::json: Boost.JSON.
add_library(weft_json INTERFACE)
add_library(weft::json ALIAS weft_json)
target_link_libraries(weft_json INTERFACE Boost::json)

# weft::sodium: Ed25519 and X25519. weft::nats: the client of NATS. weft::sqlite: one file of state. weft::archive: tar and gzip. weft::curl: registries.
# weft::hiredis: the client of Redis.
find_package(PkgConfig REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(nats REQUIRED IMPORTED_TARGET libnats)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(hiredis REQUIRED hiredis)
find_package(OpenSSL 3 REQUIRED)
foreach(library sodium nats sqlite)
  add_library(weft_${library} INTERFACE)
  add_library(weft::${library} ALIAS weft_${library})
  target_link_libraries(weft_${library} INTERFACE PkgConfig::${library})
endforeach()
# Only their headers: the libraries are loaded when they are needed (src/registry/late_library.hpp).
pkg_check_modules(archive REQUIRED libarchive)
pkg_check_modules(curl REQUIRED libcurl>=7.85)
foreach(library archive curl)
  add_library(weft_${library} INTERFACE)
  add_library(weft::${library} ALIAS weft_${library})
  target_include_directories(weft_${library} SYSTEM INTERFACE ${${library}_INCLUDE_DIRS})
endforeach()
# Its folder of headers is not for everybody: it has an async.h and a read.h.
add_library(weft_hiredis INTERFACE)
add_library(weft::hiredis ALIAS weft_hiredis)
target_link_libraries(weft_hiredis INTERFACE ${hiredis_LINK_LIBRARIES})
