#pragma once

#include "cli/sandbox/layout.hpp"

#include <string>

namespace relay::cli::sandbox {

/// The folder of the server's socket: in the base; but where that path is too long for a socket (107 bytes, unix(7))
/// or holds a comma, which libpq takes for a list, a private folder of a short name whose path is kept in the base.
std::string socket_folder(Layout const &layout);

/// Makes it, 0700 and the server user's own, and empties it. The server must not be running. Returns its path. Throws
/// Error: usage, a short folder is needed, and XDG_RUNTIME_DIR or TMPDIR names a place that cannot be used.
std::string make_socket_folder(Layout const &layout);

/// Removes it. The server must not be running.
void remove_socket_folder(Layout const &layout);

/// `host=... port=5432 dbname=relay user=relay`, quoted as libpq wants it.
std::string conninfo(Layout const &layout);

}  // namespace relay::cli::sandbox
