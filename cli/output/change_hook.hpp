#pragma once

#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// Runs somebody's command for a change of the feed: `sh -c COMMAND`, with `line` and a newline on its stdin, and RELAY_CHANGE, RELAY_KICKS (true,
/// false), RELAY_ORG_ID, RELAY_AGENT_ID and RELAY_KEY_ID (empty if none) in its environment. Nothing of the change becomes a part of the command. Its stdout
/// goes to our stderr: our stdout is data. After a minute it is killed, with all that it started.
///
/// Returns what went wrong, for a person; nothing if it ended with 0.
std::optional<std::string> run_change_hook(std::string const &command, KeyChange const &change, std::string_view line);

}  // namespace relay::cli
