#pragma once

#include "cli/sandbox/layout.hpp"

#include <string>

namespace relay::cli::sandbox {

/// Returns the folder of the server's socket. It is in the base, unless that path is too long for a socket (107 bytes,
/// unix(7)) or contains a comma, which libpq takes for a list. Then it is a private folder with a short path, which is
/// stored in the base.
std::string socket_folder(Layout const &layout);

/// Creates that folder, or empties it, with mode 0700 and owned by the server's user. The server must not be running.
/// Returns its path. Throws Error (usage) if a short path is needed, but XDG_RUNTIME_DIR or TMPDIR gives a place that
/// cannot be used.
std::string make_socket_folder(Layout const &layout);

/// Removes that folder. The server must not be running.
void remove_socket_folder(Layout const &layout);

/// Returns `host=... port=5432 dbname=relay user=relay`, quoted as libpq requires.
std::string conninfo(Layout const &layout);

}  // namespace relay::cli::sandbox
