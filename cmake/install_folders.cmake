# The folders of the installation below the prefix, under any prefix as Debian has it under /usr: GNUInstallDirs alone knows the
# folder of the architecture only for the prefix /usr, and what is built for /usr/local is packed for /usr.

if(EXISTS "/etc/debian_version" AND CMAKE_LIBRARY_ARCHITECTURE)
  set(CMAKE_INSTALL_LIBDIR "lib/${CMAKE_LIBRARY_ARCHITECTURE}" CACHE PATH "object code libraries")
endif()
set(CMAKE_INSTALL_DOCDIR "share/doc/relay-admin" CACHE PATH "changelog, examples")
include(GNUInstallDirs)
