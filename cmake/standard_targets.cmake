# standard_settings: how our code is compiled and linked. standard_warnings: what the compiler must say about it.

add_library(standard_settings INTERFACE)
target_compile_features(standard_settings INTERFACE cxx_std_20)
target_include_directories(standard_settings INTERFACE "${PROJECT_SOURCE_DIR}/lib" "${PROJECT_SOURCE_DIR}")
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(RELAY_SANITIZE)
  # Without -fno-sanitize-recover the undefined behaviour sanitizer prints and exits 0.
  # Not position independent: the sanitizers' tables would need 1.4 million relocations at every start, twice the time of a test.
  set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
  set(sanitizers -fno-pie -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(standard_settings INTERFACE ${sanitizers})
  target_link_options(standard_settings INTERFACE ${sanitizers} -no-pie)
endif()

if(RELAY_COVERAGE)
  target_compile_options(standard_settings INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(standard_settings INTERFACE --coverage)
endif()

if(RELAY_STATIC_LIBS)
  target_compile_options(standard_settings INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(standard_settings INTERFACE
    -static-libstdc++ -static-libgcc
    LINKER:--as-needed LINKER:--gc-sections LINKER:--hash-style=gnu LINKER:-O2
    LINKER:-z,relro LINKER:-z,now)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # The same bytes from any folder at any time. The last map that fits counts: the build folder may be inside the sources.
  target_compile_options(standard_settings INTERFACE
    "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=." "-ffile-prefix-map=${PROJECT_BINARY_DIR}=." -Werror=date-time)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RELAY_SANITIZE)
  target_compile_options(standard_settings INTERFACE -fstack-protector-strong)
  target_compile_definitions(standard_settings INTERFACE _FORTIFY_SOURCE=2)
endif()

add_library(standard_warnings INTERFACE)
target_compile_options(standard_warnings INTERFACE
  -Wall -Wextra -Wpedantic
  -Wcast-align -Wcast-qual -Wconversion -Wdouble-promotion -Wextra-semi -Wformat=2 -Wimplicit-fallthrough
  -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wshadow -Wsign-conversion -Wundef -Wunused
  # Options and request structs are filled by name; what is left out has its default.
  -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-branches -Wduplicated-cond -Wlogical-op>
  $<$<BOOL:${RELAY_WERROR}>:-Werror>)
