#pragma once

namespace relay::cli {

/// No core dump of this process, and no debugger of the same user: it holds keys in memory.
void forbid_core_dumps();

/// Puts /dev/null where stdin, stdout or stderr is closed, opened the wrong way round, so that using it fails (EBADF) as it would have;
/// otherwise the database connection could become descriptor 1 and be written to as stdout.
void occupy_standard_streams();

}  // namespace relay::cli
