#pragma once

#include "cli/context.hpp"
#include "relay/audit/events.hpp"

#include <optional>
#include <string>
#include <vector>

/// The flags of the commands that read the audit trail.
namespace relay::cli {

class OptionSet;

/// Reads a time or a duration: only a time has a `-` inside. Throws Error (usage) that names the flag.
PastTime parse_past_time(std::string const &flag, std::string const &text);

struct EventFlags {
    std::optional<std::string> agent{};
    std::optional<std::string> key{};
    std::optional<std::string> org{};
    std::optional<std::string> owner{};
    std::vector<std::string> actions{};
    std::optional<std::string> outcome{};
    std::optional<std::string> address{};
    std::optional<std::string> trace{};
    std::optional<std::string> db_role{};
    std::optional<std::string> since{};
    std::optional<std::string> until{};
};
/// Adds the flags. The ticket and the actor are those of the global flags.
void declare_event_filter(OptionSet &set, EventFlags &flags);
/// Throws Error (usage).
EventFilter event_filter(EventFlags const &flags, Globals const &globals);

}  // namespace relay::cli
