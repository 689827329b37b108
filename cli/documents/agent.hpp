#pragma once

#include "cli/output/document.hpp"
#include "relay/identity/records.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

/// An agent: the item of a list, and what each document about one begins with.
Record agent_record(Agent const &agent);
/// What the columns of a list are made of.
Agent sample_agent();

/// What a responder reads: who, how it stands and by whose act, its keys, where it was last seen.
/// `grants`: all that it may do. `address`: where it was last seen from. The standing rows and keys are told in words
/// here; machines get them as lists of their own.
Record agent_summary(Agent const &agent, std::vector<Standing> const &standing, std::vector<Key> const &keys,
                     std::vector<Grant> const &grants, std::optional<std::string> const &address);

/// "90d", "90d (the organization's)".
std::string describe_key_max_age(Agent const &agent);

}  // namespace relay::cli
