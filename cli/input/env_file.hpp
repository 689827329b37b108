#pragma once

#include "relay/health/report.hpp"

#include <string>
#include <string_view>

/// The settings of a relay, as a file of NAME=VALUE lines. They are secrets of somebody else's: no value leaves this file, in no message.
namespace relay::cli {

class Context;

/// Finds in a text what RelaySettings tells, with `name` and without a mode.
///
/// Read as the loaders of such files do, where they agree: lines NAME=VALUE, `export` before it or not, the value bare or in quotes (which
/// may go on over several lines) or continued by a backslash at the end of a line; comments with # or ;, byte order mark and CRLF forgiven. The last of several
/// assignments counts. Sources: systemd.exec(5) EnvironmentFile, docker run --env-file, sh(1).
RelaySettings scan_env_text(std::string_view text, std::string name);

/// Reads the file into locked memory, at most 1 MiB. Throws Error (usage) that names the flag: not readable, too long.
RelaySettings read_env_file(Context &context, std::string const &path, std::string_view flag);

}  // namespace relay::cli
