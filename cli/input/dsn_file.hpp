#pragma once

#include <string>

namespace relay::cli {

/// The connection string in the file of --dsn-file, without blanks and line ends around it; a pipe (`<(...)`, /dev/stdin) will do.
/// Throws Error (usage): not readable, empty, too long, not text, or with a password in it and open to other users. Its text is in no error.
std::string read_dsn_file(std::string const &path);

/// True if a connection string may hold a password, in keywords or as a URI; in doubt true.
bool may_hold_password(std::string const &conninfo);

}  // namespace relay::cli
