#pragma once

#include "relay/identity/delivery.hpp"
#include "relay/model/ids.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

class Output;

/// Runs the command of --read-back, with RELAY_AGENT_ID in its environment, and returns what it prints: a key,
/// or a text that contains one key, or a text without a key. None, with a warning, if it fails, takes longer than `limit`,
/// or prints several keys: then it is not known what the store holds. What it prints to stdout is kept in wiped memory
/// until it is parsed.
std::optional<StoreView> view_of_store(std::string const &command, AgentId const &agent, std::chrono::seconds limit,
                                       Output &output);

/// Runs the command of --after with `variables`. Its output goes to stderr. Returns what went wrong; none if it ended
/// with 0.
std::optional<std::string> run_after(std::string const &command, std::vector<std::string> const &variables);

}  // namespace relay::cli
