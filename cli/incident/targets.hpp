#pragma once

#include "relay/model/ids.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

class OptionSet;

class Context;

/// Whom a block, a revocation, or their undoing is about: text from the command line.
struct IncidentTargets {
    std::vector<std::string> agents{};
    std::optional<std::string> file{};
    std::optional<std::string> org{};
    std::optional<std::string> confirm{};
};

/// Adds AGENT..., -f FILE, --org ORG; with `typed` also --confirm ORG.
void declare_targets(OptionSet &set, IncidentTargets &targets, bool typed);

/// The agents of the command line or of the file, each once, in the order given. Throws Error (usage): a bad id (with its line), none at all.
std::vector<AgentId> target_agents(IncidentTargets const &targets);

/// Has the organization's id typed, unless --confirm gives it or this is a dry run; at a terminal it tells first how wide this is.
/// `verb` and `undo` are words of the question: "blocks", "Its keys stay dead: each agent needs rotate-key.". Throws as Prompt::confirm_by_typing; not_found.
void confirm_org(Context &context, OrgId const &org, std::optional<std::string> const &confirm, std::string_view verb,
                 std::string const &undo);

/// Refuses --confirm without --org. Throws Error (usage).
void require_org_for_confirm(IncidentTargets const &targets);

}  // namespace relay::cli
