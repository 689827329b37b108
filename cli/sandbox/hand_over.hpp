#pragma once

#include <string>
#include <vector>

namespace relay::cli::sandbox {

/// Replaces this process with the program `command` (argv, found on PATH), with PGHOST, PGDATABASE, PGUSER and
/// RELAY_ADMIN_DSN set for the sandbox and every other libpq variable (PG followed by a capital) removed. Signals and
/// exit codes are those of the program. Never returns. Throws Error (usage) if there is no such program or it may not
/// be run.
[[noreturn]] void hand_over(std::vector<std::string> const &command, std::string const &dsn);

}  // namespace relay::cli::sandbox
