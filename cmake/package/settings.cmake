# cpack reads this first. SOURCE_DATE_EPOCH: the time of every file in the package and of its changelog.

include("${CMAKE_CURRENT_LIST_DIR}/source_date.cmake")

if("$ENV{SOURCE_DATE_EPOCH}" STREQUAL "")
  relay_source_date("${CPACK_RELAY_SOURCE_DIR}" source_date)
  set(ENV{SOURCE_DATE_EPOCH} "${source_date}")
endif()
