# relay-admin-static: the program of the tarball, the same objects with libpq and OpenSSL linked in too. It is not part
# of `all`, because only packing needs it, and only this needs Debian's postgresql-server-dev and libssl-dev: without
# them, the target says so.
#
# libc stays dynamic: getaddrinfo and getpwuid load the name services of the machine, which must be of the same glibc.
# Kerberos and LDAP stay outside as well: Debian has no static Kerberos. cmake/package/optional_libraries.cpp loads them
# if a connection asks for them.

execute_process(COMMAND pg_config --pkglibdir OUTPUT_VARIABLE server_libraries OUTPUT_STRIP_TRAILING_WHITESPACE)
pkg_check_modules(LIBCRYPTO QUIET libcrypto)
# What libpq itself is linked from: in PostgreSQL 17, the other variant of pgcommon lacks functions that libpq exports. On Debian 13,
# libcrypto needs zlib and zstd. What is in libc stays there.
set(archives pq pgcommon_shlib pgport_shlib ssl ${LIBCRYPTO_STATIC_LIBRARIES})
list(REMOVE_ITEM archives dl pthread)

set(static_libpq "")
foreach(name IN LISTS archives)
  set(variable "RELAY_STATIC_${name}")
  find_library(${variable} NAMES lib${name}.a HINTS "${server_libraries}")
  mark_as_advanced(${variable})
  if(NOT ${variable})
    message(STATUS "lib${name}.a is missing: no target relay-admin-static (see [package] in cmake/packages.txt)")
    return()
  endif()
  list(APPEND static_libpq "${${variable}}")
endforeach()

add_executable(relay-admin-static EXCLUDE_FROM_ALL
  $<TARGET_OBJECTS:relay-admin> "${PROJECT_SOURCE_DIR}/cmake/package/optional_libraries.cpp")
target_link_libraries(relay-admin-static PRIVATE relay_cli standard_warnings PkgConfig::LIBSODIUM)
# `version` names OpenSSL only if it is there, so it does not take this function from the archive.
target_link_options(relay-admin-static PRIVATE "LINKER:-u,OpenSSL_version")
set_target_properties(relay-admin-static PROPERTIES
  RELAY_STATIC_LIBPQ ON RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
relay_link_map(relay-admin-static)

# A target that links libpq gets the archives if its RELAY_STATIC_LIBPQ is on.
set(wants_archive "$<BOOL:$<TARGET_PROPERTY:RELAY_STATIC_LIBPQ>>")
get_target_property(shared_libpq PkgConfig::LIBPQ INTERFACE_LINK_LIBRARIES)
list(TRANSFORM static_libpq REPLACE "(.+)" "$<${wants_archive}:\\1>")
list(TRANSFORM shared_libpq REPLACE "(.+)" "$<$<NOT:${wants_archive}>:\\1>")
set_target_properties(PkgConfig::LIBPQ PROPERTIES INTERFACE_LINK_LIBRARIES "${static_libpq};${shared_libpq}")
