# cpack runs this when all is installed in its staging folder and not packed yet: it adds what Debian requires of every package, the notices
# of what is linked in, manual pages and changelogs compressed without name and time (Debian policy 12), Debian's own folders.

set(doc_dir "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${CPACK_RELAY_DOC_DIR}")
set(man_dir "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${CPACK_RELAY_MAN_DIR}")
set(debian_version "${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")

string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)  # SOURCE_DATE_EPOCH, by settings.cmake
file(WRITE "${doc_dir}/changelog.Debian"
"${CPACK_PACKAGE_NAME} (${debian_version}) unstable; urgency=medium

  * Built from the sources of ${CPACK_PACKAGE_VERSION}; what changed is in changelog.gz.

 -- ${CPACK_PACKAGE_CONTACT}  ${now}
")
configure_file("${CPACK_RELAY_SOURCE_DIR}/CHANGELOG.md" "${doc_dir}/changelog" COPYONLY)

# Our own terms, where the sources state any, then those of the libraries inside the program.
set(copyright "")
foreach(name IN ITEMS LICENSE LICENSE.md COPYING)
  if(EXISTS "${CPACK_RELAY_SOURCE_DIR}/${name}")
    file(READ "${CPACK_RELAY_SOURCE_DIR}/${name}" text)
    string(APPEND copyright "${text}\n")
  endif()
endforeach()
foreach(package IN LISTS CPACK_RELAY_LINKED_IN)
  file(READ "/usr/share/doc/${package}/copyright" text)
  string(APPEND copyright "---- linked into the program: ${package}\n\n${text}\n")
endforeach()
if(copyright)
  file(WRITE "${doc_dir}/copyright" "${copyright}")
endif()

# Debian's zsh looks in site-functions below /usr/local only.
set(zsh_dir "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${CPACK_RELAY_ZSH_DIR}")
if(EXISTS "${zsh_dir}/site-functions")
  file(RENAME "${zsh_dir}/site-functions" "${zsh_dir}/vendor-completions")
endif()

file(GLOB_RECURSE pages LIST_DIRECTORIES false "${man_dir}/*.[1-9]")
execute_process(COMMAND gzip -9n -- "${doc_dir}/changelog" "${doc_dir}/changelog.Debian" ${pages} COMMAND_ERROR_IS_FATAL ANY)

# The folders that cmake makes by the way follow the umask.
execute_process(COMMAND chmod -R u=rwX,go=rX -- "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr" COMMAND_ERROR_IS_FATAL ANY)
