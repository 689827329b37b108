#pragma once

#include "relay/model/ids.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

class OptionSet;

class Context;

/// The subjects of a block, a revocation, or their undoing: text from the command line.
struct IncidentTargets {
    std::vector<std::string> agents{};
    std::optional<std::string> file{};
    std::optional<std::string> org{};
    std::vector<std::string> devices{};
    std::optional<std::string> confirm{};
};

/// Adds AGENT..., -f FILE, --org ORG, --device DEVICE; with `typed` also --confirm ORG.
void declare_targets(OptionSet &set, IncidentTargets &targets, bool typed);

/// Returns the agents of the command line and the file, each once, in the order given. Throws Error (usage) for a bad
/// id (with its line), or if there is none.
std::vector<AgentId> target_agents(IncidentTargets const &targets);

/// Returns the devices of the command line. Throws Error (usage) for a bad id.
std::vector<DeviceId> target_devices(IncidentTargets const &targets);

/// Makes the user type the organization's id, unless --confirm gives it or this is a dry run. At a terminal, first
/// shows how many agents are affected. `verb` and `undo` are parts of the question: "blocks", "Its keys stay dead: each
/// agent needs rotate-key.". Throws as Prompt::confirm_by_typing does, and not_found.
void confirm_org(Context &context, OrgId const &org, std::optional<std::string> const &confirm, std::string_view verb,
                 std::string const &undo);

/// Throws Error (usage) if --confirm is given without --org.
void require_org_for_confirm(IncidentTargets const &targets);

}  // namespace relay::cli
