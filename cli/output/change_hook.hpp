#pragma once

#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// Runs the user's command for one change of the feed.
///
/// The command is started as `sh -c COMMAND`. It gets `line` and a newline on stdin, and RELAY_CHANGE, RELAY_KICKS
/// (true or false), RELAY_ORG_ID, RELAY_AGENT_ID and RELAY_KEY_ID (empty if the change has none) in its environment. No
/// part of the change is put into the command itself. Its stdout goes to our stderr, because our stdout is data. After
/// one minute it is killed with all processes that it started.
///
/// Returns what went wrong, for people; nothing if the command ended with 0.
std::optional<std::string> run_change_hook(std::string const &command, KeyChange const &change, std::string_view line);

}  // namespace relay::cli
