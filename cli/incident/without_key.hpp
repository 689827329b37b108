#pragma once

#include "cli/output/document.hpp"
#include "relay/incident/incident.hpp"
#include "relay/inspect/whose.hpp"

#include <optional>
#include <vector>

namespace relay::cli {

class Context;

/// Returns the agents that the revoked keys of a receipt were the last of, read after the COMMIT. None: a dry run, no
/// key was revoked, or reading failed, which is a warning.
std::optional<std::vector<AgentWithoutKey>> read_without_key(Context &context, IncidentReceipt const &receipt);

/// Returns them for machines, each with the command that gives it a key; null if they are not known.
Value without_key_value(Context &context, std::optional<std::vector<AgentWithoutKey>> const &agents);

/// Names the first of them on stderr: agent, owner and the command.
void say_without_key(Context &context, std::vector<AgentWithoutKey> const &agents);

}  // namespace relay::cli
