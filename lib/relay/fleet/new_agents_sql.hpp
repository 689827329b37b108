#pragma once

#include "relay/db/transaction.hpp"
#include "relay/fleet/new_keys_sql.hpp"
#include "relay/identity/create_agent.hpp"
#include "relay/model/attribution.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

/// The statements that create many agents together.
namespace relay::sql {

/// An agent that exists.
struct ExistingAgent {
    OrgId org_id;
    std::string name{};
    std::vector<std::string> permissions{};
    std::optional<std::string> owner{};
    std::vector<Label> labels{};
    std::optional<std::chrono::seconds> key_max_age{};
    bool has_active_key = false;
};
std::map<AgentId, ExistingAgent> existing_agents(db::Transaction &transaction, std::vector<AgentId> const &ids);

/// Returns which of these ids of agents and organizations are blocked or revoked: "blocked", "revoked".
std::map<std::string, std::string> standing_of(db::Transaction &transaction, std::vector<std::string> const &ids);

/// Inserts agents with their active keys, and the events of both. `keys` are in the order of `agents`.
void insert_agents(db::Transaction &transaction, std::vector<CreateAgent const *> const &agents,
                   std::vector<NewKey> const &keys, Attribution const &by);
/// Returns true if each agent and its key exist as they were made.
db::Pending<bool> agents_as_made(db::Transaction &transaction, std::vector<CreateAgent const *> const &agents,
                                 std::vector<NewKey> const &keys);

}  // namespace relay::sql
