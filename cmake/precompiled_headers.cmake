# The headers that nearly every file of a target reads, parsed once: without that, parsing is two thirds of a clean build. A debug build with
# ccache does without them, since the cache is faster still; so a file that forgets an #include is found there. A release always
# has them: g++ orders some functions differently with them, and two builds of one commit must give the same bytes, ccache or not.

set(relay_standard_headers
  <algorithm> <array> <chrono> <functional> <map> <memory> <optional> <span> <string> <string_view> <variant> <vector>)

# relay_precompile(TARGET HEADER...): the standard headers, and HEADERs as an include names them ("relay/db/database.hpp", <doctest/doctest.h>).
function(relay_precompile target)
  if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache")
    return()
  endif()
  set(headers ${relay_standard_headers})
  foreach(header IN LISTS ARGN)
    if(header MATCHES "^relay/")
      list(APPEND headers "${PROJECT_SOURCE_DIR}/lib/${header}")
    elseif(header MATCHES "^cli/")
      list(APPEND headers "${PROJECT_SOURCE_DIR}/${header}")
    else()
      list(APPEND headers "${header}")
    endif()
  endforeach()
  target_precompile_headers(${target} PRIVATE ${headers})
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    # g++ 12 forgets that a precompiled <string> is a system header, and then reports its own false alarms about what -O2 inlines from there.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread>)
  endif()
endfunction()
