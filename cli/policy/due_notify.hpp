#pragma once

#include "cli/context.hpp"
#include "cli/policy/owner_notices.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace relay::cli {

/// Runs the command of `key due --notify` for one owner. It gets on stdin what `key due --owner OWNER -o json` prints, and
/// RELAY_OWNER (empty: no owner), RELAY_DUE and RELAY_OVERDUE in its environment.
///
/// Returns what went wrong, for people; nothing if the command ended with 0.
std::optional<std::string> notify_owner(Context &context, std::string const &command, std::chrono::seconds limit,
                                        OwnerNotice const &notice);

}  // namespace relay::cli
