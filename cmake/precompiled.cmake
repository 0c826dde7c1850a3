# SPDX-License-Identifier: Apache-2.0
# Headers of the system, parsed once for all sources; most of a cold build was parsing them again and again.
#
#   weft_precompile(TARGET library|test)   what kind of object code the target's is
#
# Not CMake's own target_precompile_headers: a precompiled header holds its own path, and objects are cached by what it
# holds, so one inside the build folder would keep a second checkout from finding the first one's objects. These lie in
# the cache folder. Sources still name what they include: the flavours tidy and release do without this.
set(WEFT_PRECOMPILED OFF)
if(WEFT_FLAVOUR MATCHES "^(dev|asan|ubsan|tsan|fuzz)$")
  set(WEFT_PRECOMPILED ON)
endif()

function(_weft_precompiled_header kind position)
  set(header "${CMAKE_SOURCE_DIR}/cmake/precompiled/${kind}.hpp")
  set(flags "")
  set(definitions "")
  set(known "")
  foreach(library ${ARGN})
    list(APPEND definitions "$<TARGET_PROPERTY:${library},INTERFACE_COMPILE_DEFINITIONS>")
    list(APPEND flags "$<TARGET_PROPERTY:${library},INTERFACE_COMPILE_OPTIONS>")
    foreach(property INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS)
      get_target_property(value ${library} ${property})
      list(APPEND known "${value}")
    endforeach()
  endforeach()
  file(READ "${CMAKE_SOURCE_DIR}/cmake/precompiled/library.hpp" text)
  string(MD5 key "${text};${position};${known};${CMAKE_CXX_COMPILER};${CMAKE_CXX_COMPILER_VERSION};1")
  set(folder "${WEFT_CACHE_DIR}/precompiled/${WEFT_FLAVOUR}-${kind}-${key}")
  string(MD5 here "${CMAKE_BINARY_DIR}")
  set(new "${here}.new")
  set(stamp "${CMAKE_BINARY_DIR}/precompiled-${kind}.stamp")
  file(COPY "${CMAKE_SOURCE_DIR}/cmake/precompiled/" DESTINATION "${folder}")
  # Made anew by each build folder, and put in place at once and only if it differs: other checkouts may be reading it.
  add_custom_command(
    OUTPUT "${stamp}"
    COMMAND "${CMAKE_CXX_COMPILER}" "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>" ${position} -fvisibility=hidden
            -fvisibility-inlines-hidden ${flags} ${CMAKE_CXX23_STANDARD_COMPILE_OPTION} -Xclang -fno-pch-timestamp -Xclang -emit-pch
            -fpch-instantiate-templates -x c++-header "${folder}/${kind}.hpp" -o "${new}" -MD -MF "${stamp}.d" -MT "${stamp}"
    COMMAND sh -c "cmp -s ${new} weft.pch && rm ${new} || mv ${new} weft.pch"
    COMMAND "${CMAKE_COMMAND}" -E touch "${stamp}"
    DEPFILE "${stamp}.d"
    DEPENDS "${header}"
    WORKING_DIRECTORY "${folder}"
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Precompiling the system's headers (${kind})")
  add_custom_target(weft_precompiled_${kind} DEPENDS "${stamp}")
  set(WEFT_PRECOMPILED_${kind} "${folder}/weft.pch" PARENT_SCOPE)
endfunction()

if(WEFT_PRECOMPILED)
  _weft_precompiled_header(library -fPIC weft_flags weft_optimised weft_asio fmt::fmt Boost::json)
  _weft_precompiled_header(test -fPIE weft_flags weft_asio fmt::fmt Boost::json GTest::gtest)
endif()

function(weft_precompile target kind)
  if(WEFT_PRECOMPILED)
    add_dependencies(${target} weft_precompiled_${kind})
    target_compile_options(${target} PRIVATE
      "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -include-pch -Xclang ${WEFT_PRECOMPILED_${kind}} -fpch-instantiate-templates>")
  endif()
endfunction()
