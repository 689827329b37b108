# relay_source_date(SOURCE_DIR RESULT): when the sources were last changed, in seconds since 1970. The time of the last commit;
# without git the date of the newest release in CHANGELOG.md; before the first release the time of that file.

function(relay_commit_date source_dir result)
  set(${result} "" PARENT_SCOPE)
  # A tree inside another repository does not belong to that repository.
  if(NOT EXISTS "${source_dir}/.git")
    return()
  endif()
  execute_process(
    COMMAND git -c "safe.directory=${source_dir}" -C "${source_dir}" log -1 --format=%ct
    OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0)
    set(${result} "${date}" PARENT_SCOPE)
  endif()
endfunction()

function(relay_release_date source_dir result)
  set(${result} "" PARENT_SCOPE)
  file(STRINGS "${source_dir}/CHANGELOG.md" heading REGEX "^## \\[[0-9.]+\\] - [0-9-]+$" LIMIT_COUNT 1)
  if(heading MATCHES "([0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9])$")
    execute_process(COMMAND date -u -d "${CMAKE_MATCH_1}" +%s OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE)
    set(${result} "${date}" PARENT_SCOPE)
  endif()
endfunction()

function(relay_source_date source_dir result)
  relay_commit_date("${source_dir}" date)
  if(NOT date)
    relay_release_date("${source_dir}" date)
  endif()
  if(NOT date)
    file(TIMESTAMP "${source_dir}/CHANGELOG.md" date "%s" UTC)
  endif()
  set(${result} "${date}" PARENT_SCOPE)
endfunction()
