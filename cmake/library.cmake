# librelay: knows nothing of argv, stdout or exit. Its link interface names packages, never files, so that what is installed
# works with the shared as with the static libraries of another machine.

include(embed_schema)

file(GLOB_RECURSE relay_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/lib/relay/*.cpp")
file(GLOB_RECURSE relay_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/lib" "${PROJECT_SOURCE_DIR}/lib/relay/*.hpp")

configure_file("${PROJECT_SOURCE_DIR}/cmake/version.cpp.in" "${PROJECT_BINARY_DIR}/generated/version.cpp" @ONLY)

add_library(relay STATIC
  ${relay_sources}
  "${PROJECT_SOURCE_DIR}/cmake/fmt_once.cpp"
  "${PROJECT_BINARY_DIR}/generated/version.cpp"
  "${PROJECT_BINARY_DIR}/generated/embedded_schema.cpp")
add_library(relay::relay ALIAS relay)

target_sources(relay PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/lib")
foreach(header IN LISTS relay_headers)
  target_sources(relay PUBLIC FILE_SET HEADERS FILES "${PROJECT_SOURCE_DIR}/lib/${header}")
endforeach()

target_compile_features(relay PUBLIC cxx_std_20)
# fmt's headers alone: its code is compiled once, in fmt_once.cpp.
target_include_directories(relay SYSTEM PUBLIC $<BUILD_INTERFACE:$<TARGET_PROPERTY:fmt::fmt,INTERFACE_INCLUDE_DIRECTORIES>>)
target_link_libraries(relay
  PRIVATE
    $<BUILD_INTERFACE:standard_settings>
    $<BUILD_INTERFACE:standard_warnings>
    PkgConfig::LIBPQXX
    PkgConfig::LIBPQ
    PkgConfig::LIBSODIUM
    PkgConfig::LIBUTF8PROC
    PkgConfig::LIBCRYPT)
relay_precompile(relay relay/db/database.hpp relay/model/attribution.hpp relay/identity/records.hpp <fmt/format.h>)
relay_unity(relay)
