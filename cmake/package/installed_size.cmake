# cpack runs this on the finished package. CPack measures Installed-Size with what the folders take on the file system that it
# happens to work on (4 KiB on ext4, none on tmpfs), so the same files make other bytes. Here it is as dpkg-gencontrol counts, see
# deb-substvars(5): each file in started KiB, 1 KiB for anything else.

foreach(package IN LISTS CPACK_PACKAGE_FILES)
  set(tree "${package}.tree")
  file(REMOVE_RECURSE "${tree}")
  execute_process(COMMAND dpkg-deb --raw-extract "${package}" "${tree}" COMMAND_ERROR_IS_FATAL ANY)

  set(kib 0)
  file(GLOB_RECURSE paths LIST_DIRECTORIES true RELATIVE "${tree}" "${tree}/*")
  list(FILTER paths EXCLUDE REGEX "^DEBIAN(/|$)")
  foreach(path IN LISTS paths)
    set(bytes 1024)
    if(NOT IS_DIRECTORY "${tree}/${path}")
      file(SIZE "${tree}/${path}" bytes)
    endif()
    math(EXPR kib "${kib} + (${bytes} + 1023) / 1024")
  endforeach()

  file(READ "${tree}/DEBIAN/control" control)
  string(REGEX REPLACE "Installed-Size: [0-9]+" "Installed-Size: ${kib}" control "${control}")
  file(WRITE "${tree}/DEBIAN/control" "${control}")
  # Whatever the umask: this is the folder / of the package.
  file(CHMOD "${tree}" PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  execute_process(COMMAND dpkg-deb -Zxz --root-owner-group --build "${tree}" "${package}"
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  file(REMOVE_RECURSE "${tree}")
endforeach()
