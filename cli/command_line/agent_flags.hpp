#pragma once

#include "relay/identity/which_agents.hpp"
#include "relay/model/ids.hpp"

#include <optional>
#include <string>
#include <vector>

/// The flags about whose an agent is: to say so, and to choose agents by it.
namespace relay::cli {

class OptionSet;

/// `--owner TEXT` and `--label NAME=VALUE`, of agent create and agent update.
struct OwnerFlags {
    std::optional<std::string> owner{};
    std::vector<std::string> labels{};
};
void declare_owner(OptionSet &set, OwnerFlags &flags);
/// `--owner-user ID`
void declare_owner_user(OptionSet &set, std::optional<std::string> &owner_user);
/// The two functions throw Error (usage).
std::optional<OwnerName> parse_owner(std::optional<std::string> const &text);
std::vector<Label> parse_labels(std::vector<std::string> const &texts);

/// `--owner TEXT | --no-owner`, `--label NAME=VALUE` and `--match GLOB`, of what chooses agents or their keys.
struct WhichFlags {
    OwnerFlags owner{};
    bool no_owner = false;
    std::optional<std::string> match{};
};
/// `what`: "agents", "keys of agents"
void declare_which_agents(OptionSet &set, std::string_view what, WhichFlags &flags);
/// Throws Error (usage).
WhichAgents which_agents(WhichFlags const &flags);

}  // namespace relay::cli
