# `cpack --preset release`: one .deb with all that cmake --install installs. Two builds of one commit give the same bytes,
# whatever their folder, time, umask and locale (tests/cli/test_reproducible.py).

set(RELAY_MAINTAINER "relay-admin maintainers <relay-admin@maintainers.invalid>" CACHE STRING "who answers for the package")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME relay-admin)
set(CPACK_PACKAGE_CONTACT "${RELAY_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")

set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS postgresql-client)
# The server that `relay-admin sandbox` starts; what a program that links librelay.a needs.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql, libpqxx-dev, libpq-dev, libsodium-dev, libcrypt-dev")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "give every agent behind a multi-tenant relay its own key")
set(CPACK_PACKAGE_DESCRIPTION
"relay-admin writes organizations, agents, hashed keys and an audit trail
straight into PostgreSQL, where gateways in any language check keys through
a small SQL contract. Keys are issued, rotated, blocked and revoked one by one.

The package holds the program, its manual pages, completions and examples,
and librelay with its headers for programs that do the same.")

# For the scripts that cpack runs.
set(CPACK_RELAY_SOURCE_DIR "${PROJECT_SOURCE_DIR}")
set(CPACK_RELAY_DOC_DIR "usr/${CMAKE_INSTALL_DOCDIR}")
set(CPACK_RELAY_MAN_DIR "usr/${CMAKE_INSTALL_MANDIR}")
set(CPACK_RELAY_ZSH_DIR "usr/${CMAKE_INSTALL_DATADIR}/zsh")
if(RELAY_STATIC_LIBS)
  set(CPACK_RELAY_LINKED_IN libpqxx-dev libfmt-dev libsodium-dev libcrypt-dev libcli11-dev nlohmann-json3-dev)
endif()
set(CPACK_PROJECT_CONFIG_FILE "${PROJECT_SOURCE_DIR}/cmake/package/settings.cmake")
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/package/debian_tree.cmake")
set(CPACK_POST_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/package/installed_size.cmake")

include(CPack)
