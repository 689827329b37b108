# The files of one folder are compiled together, as one unit: what the standard library, fmt and nlohmann/json generate anew in each file is
# most of a clean build, and is generated once for a folder then. So two files of a folder do not give one name to different things. A debug
# build with ccache compiles each file alone: after a change, one file is the least to compile. A release always compiles by
# folders, because two builds of one commit must give the same bytes, ccache or not.

# relay_unity(TARGET): where many files are in one folder, by the first word of their names: block.cpp; agent_create.cpp, agent_list.cpp.
function(relay_unity target)
  if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache")
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE name)
    # Not what is generated: the build folder may be inside the sources, or not.
    if(NOT name MATCHES "^(lib|cli|tests)/.*\\.cpp$")
      continue()
    endif()
    cmake_path(GET name PARENT_PATH group)
    if(group STREQUAL "cli/commands")
      cmake_path(GET name STEM stem)
      string(REGEX REPLACE "_.*" "" word "${stem}")
      string(APPEND group "/${word}")
    endif()
    string(MAKE_C_IDENTIFIER "${group}" group)
    set_source_files_properties("${source}" PROPERTIES UNITY_GROUP "${group}")
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()
