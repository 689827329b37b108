#pragma once

#include "cli/output/document.hpp"
#include "relay/identity/records.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

/// Returns an agent: the item of a list, and the beginning of each document about one agent.
Record agent_record(Agent const &agent);
/// Returns labels as an object, and for people.
Record label_record(std::vector<Label> const &labels);
Value describe_labels(std::vector<Label> const &labels);
/// Returns an agent for the columns of a list.
Agent sample_agent();

/// Returns whether gateways accept the agent now: "accepted now", perhaps without a key, or "REFUSED now: " and why.
std::string describe_access(Status status, std::vector<Standing> const &standing, std::vector<Key> const &keys,
                            KeylessWays const &keyless);
/// Returns "with the shared secret" or "without a key"; empty if a key is needed.
std::string describe_keyless(KeylessWays const &keyless);

/// Returns what a responder needs: whether it is accepted now, the agent, its status and who caused it, its keys, and where it was last seen.
/// `grants`: everything it may do. `address`: where it was last seen from. Status and keys are in words here, because
/// machines get them as separate lists.
Record agent_summary(Agent const &agent, std::vector<Standing> const &standing, std::vector<Key> const &keys,
                     std::vector<Grant> const &grants, std::optional<std::string> const &address,
                     KeylessWays const &keyless);

/// Returns "90d", or "90d (the organization's)".
std::string describe_key_max_age(Agent const &agent);

}  // namespace relay::cli
