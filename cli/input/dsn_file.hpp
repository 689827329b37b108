#pragma once

#include <string>

namespace relay::cli {

/// Returns the connection string in the file of --dsn-file, decoded to UTF-8, without surrounding blanks and line ends. The file may be a
/// pipe (`<(...)`, /dev/stdin). Throws Error (usage) if it is unreadable, empty, too long or not text, or contains a
/// password and is open to other users, unless a service manager made it so (is_service_secret). No error quotes its text.
std::string read_dsn_file(std::string const &path);

}  // namespace relay::cli
