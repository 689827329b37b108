# Everything comes from Debian packages: see packages.txt.

find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(CLI11 2.1 REQUIRED)

# libpqxx has no CMake package on Debian 12.
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(LIBPQXX REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(LIBSODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(LIBUTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(LIBCRYPT REQUIRED IMPORTED_TARGET libcrypt)  # crypt(3): the old relays' bcrypt

# Makes an imported target link its archive. libpq stays shared: Debian's libpq.a would want static Kerberos, LDAP and OpenSSL.
function(relay_link_archive target archive)
  string(MAKE_C_IDENTIFIER "RELAY_${archive}" variable)
  find_library(${variable} NAMES ${archive} REQUIRED)
  mark_as_advanced(${variable})
  set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES "${${variable}}")
endfunction()

if(RELAY_STATIC_LIBS)
  relay_link_archive(PkgConfig::LIBPQXX libpqxx.a)
  relay_link_archive(PkgConfig::LIBSODIUM libsodium.a)
  relay_link_archive(PkgConfig::LIBUTF8PROC libutf8proc.a)
  relay_link_archive(PkgConfig::LIBCRYPT libcrypt.a)
endif()
