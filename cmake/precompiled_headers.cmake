# The standard headers that nearly every file reads, parsed once: that is a third of a clean build. Not beside ccache, which is faster
# still; so a file that forgets an #include of its own is found wherever ccache is. Not with -O2: g++ 12 then warns of what it inlines from them.

function(relay_precompile target)
  if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache" OR NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    return()
  endif()
  target_precompile_headers(${target} PRIVATE
    <algorithm> <array> <chrono> <functional> <map> <memory> <optional> <span> <string> <string_view> <vector> ${ARGN})
endfunction()
