#pragma once

#include "relay/health/report.hpp"

#include <string>
#include <string_view>

/// The settings of a relay, as a text of NAME=VALUE lines. They are the secrets of others: no value is ever passed on, not
/// even in a message.
namespace relay::cli {

/// Finds the settings of RelaySettings in a text; sets `name`, but no mode.
///
/// Reads as the loaders of such files do, where they agree: NAME=VALUE lines, with or without `export`; a value is
/// bare, in quotes (possibly over several lines), or continued by a backslash at the end of a line. Comments begin with
/// # or ;. A byte order mark and CRLF are accepted. The last of several assignments counts. Sources: systemd.exec(5)
/// EnvironmentFile, docker run --env-file, sh(1).
RelaySettings scan_env_text(std::string_view text, std::string name);

}  // namespace relay::cli
