# cmake --install: the program with its manual and completions, librelay with its headers, a CMake package and a pkg-config file.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/relay")

install(TARGETS relay EXPORT relay_targets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT relay_targets NAMESPACE relay:: FILE relay_targets.cmake DESTINATION "${package_dir}")
if(TARGET relay-admin)
  install(TARGETS relay-admin RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

# The generated pages and scripts, as they are checked in; each shell loads its own from there.
foreach(section IN ITEMS 1 7)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}"
    FILES_MATCHING PATTERN "*.${section}" PATTERN md EXCLUDE)
endforeach()
install(FILES "${PROJECT_SOURCE_DIR}/completions/relay-admin.bash" RENAME relay-admin
  DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
install(FILES "${PROJECT_SOURCE_DIR}/completions/_relay-admin" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
install(FILES "${PROJECT_SOURCE_DIR}/completions/relay-admin.fish"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/relay-config.cmake.in" "${PROJECT_BINARY_DIR}/relay-config.cmake"
  INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/relay-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/relay-config.cmake" "${PROJECT_BINARY_DIR}/relay-config-version.cmake"
  DESTINATION "${package_dir}")

# Relative to the file itself, so that it stays true under any `--prefix`.
file(RELATIVE_PATH prefix_from_pc "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" prefix_from_pc "${prefix_from_pc}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/relay.pc.in" "${PROJECT_BINARY_DIR}/relay.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/relay.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/cli/examples" DESTINATION "${CMAKE_INSTALL_DOCDIR}"
  FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
# The verifier kit, whole: its files need each other. What only drives it in tests stays behind.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/tests/contract/kit/" DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples/gateway"
  FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
  PATTERN "*driver.*" EXCLUDE PATTERN "README.md" EXCLUDE PATTERN "__pycache__" EXCLUDE)
