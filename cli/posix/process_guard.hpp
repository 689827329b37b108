#pragma once

namespace relay::cli {

/// Forbids core dumps of this process, and debuggers run by the same user: the process holds keys in memory.
void forbid_core_dumps();

/// Opens /dev/null in place of a closed stdin, stdout or stderr, so that the database connection cannot become
/// descriptor 1 and be written to as stdout. Opens it in the wrong direction, so that reads and writes still fail with
/// EBADF.
void occupy_standard_streams();

}  // namespace relay::cli
