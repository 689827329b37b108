#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/call_policy/call_policy.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// Returns what is in force: `settings` with their sources, the limit of calls and the addresses.
Record call_policy_record(CallPolicy const &policy);
/// Returns one thing that is set: the item of a list.
Record policy_rule_record(PolicyRule const &rule);
/// Returns a change of a setting, with who made it and who undid it.
Record policy_change_record(PolicyChange const &change);
std::vector<Record> policy_change_records(std::vector<PolicyChange> const &changes);

/// Returns the ids of a scope; both are null for the platform.
Record scope_record(PolicyScope const &scope);

/// Asks whether to loosen a policy; `is_wide`: not that of one agent alone. Throws as Prompt::confirm does.
void confirm_loosening(Context &context, std::vector<std::string> const &loosens, bool is_wide);

}  // namespace relay::cli
