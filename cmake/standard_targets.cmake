# standard_settings: how our code is compiled and linked. standard_warnings: what the compiler must say about it.

add_library(standard_settings INTERFACE)
target_compile_features(standard_settings INTERFACE cxx_std_20)
target_include_directories(standard_settings INTERFACE "${PROJECT_SOURCE_DIR}/lib" "${PROJECT_SOURCE_DIR}")
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(RELAY_SANITIZE)
  # Undefined behaviour is a trap, not a call with a description of each place, 39 MB of static data that the address sanitizer would guard piece by
  # piece at every start: the tests start the program thousands of times, in a third of the time now. (-fsanitize=vptr has no such form.)
  # Not position independent: the addresses in the tables of what is guarded would be relocated at every start.
  set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
  set(sanitizers -fno-pie -fsanitize=address,undefined -fsanitize-undefined-trap-on-error -fno-omit-frame-pointer)
  target_compile_options(standard_settings INTERFACE ${sanitizers})
  target_link_options(standard_settings INTERFACE ${sanitizers} -no-pie)
endif()

# For each program: its findings are reported; with NO_LEAK_CHECK, leaks are none.
function(relay_sanitizer_defaults program)
  if(RELAY_SANITIZE)
    target_sources(${program} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/sanitizer/report_traps.cpp")
    if("NO_LEAK_CHECK" IN_LIST ARGN)
      target_sources(${program} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/sanitizer/no_leak_check.cpp")
    endif()
  endif()
endfunction()

# The linker's own list of what it took from which archive: cmake/package/linked_in.py reads it. Only where archives are linked in.
function(relay_link_map program)
  if(RELAY_STATIC_LIBS)
    target_link_options(${program} PRIVATE LINKER:-Map=${program}.map)
  endif()
endfunction()

if(RELAY_COVERAGE)
  target_compile_options(standard_settings INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(standard_settings INTERFACE --coverage)
endif()

if(RELAY_STATIC_LIBS)
  target_compile_options(standard_settings INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(standard_settings INTERFACE
    -static-libstdc++ -static-libgcc
    LINKER:--as-needed LINKER:--gc-sections LINKER:--hash-style=gnu LINKER:-O2)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # The same bytes from any folder at any time. The last map that fits counts: the build folder may be inside the sources.
  target_compile_options(standard_settings INTERFACE
    "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=." "-ffile-prefix-map=${PROJECT_BINARY_DIR}=." -Werror=date-time)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RELAY_SANITIZE)
  include(hardening)
  relay_harden(standard_settings)
endif()

add_library(standard_warnings INTERFACE)
target_compile_options(standard_warnings INTERFACE
  -Wall -Wextra -Wpedantic
  -Wcast-align -Wcast-qual -Wconversion -Wdouble-promotion -Wextra-semi -Wformat=2 -Wimplicit-fallthrough
  -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wsign-conversion -Wundef -Wunused
  # Files that are compiled together see each other's names: there, only a name inside a function can be hidden by mistake.
  $<IF:$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>,-Wshadow=local,-Wshadow>
  # Options and request structs are filled by name; what is left out has its default.
  -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-branches -Wduplicated-cond -Wlogical-op>
  $<$<BOOL:${RELAY_WERROR}>:-Werror>)
