#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/identity/which_agents.hpp"
#include "relay/model/ids.hpp"

namespace relay::sql {

db::Pending<std::optional<Agent>> ask_agent(db::Transaction &transaction, AgentId const &id);
std::optional<Agent> find_agent(db::Transaction &transaction, AgentId const &id);

/// As find_agent; throws Error (not_found) that suggests similar ids.
Agent get_agent(db::Transaction &transaction, AgentId const &id);

/// Locks the agent's row until the transaction ends, so that rotations of one agent run one after the other.
/// Otherwise as get_agent.
Agent lock_agent(db::Transaction &transaction, AgentId const &id);
/// Sends the lock only, for what reads the agent in the same message.
void send_agent_lock(db::Transaction &transaction, AgentId const &id);

/// Returns the oldest agent with that name in an organization.
std::optional<AgentId> find_agent_by_name(db::Transaction &transaction, OrgId const &org, DisplayName const &name);

/// What update_agent writes.
struct AgentFields {
    std::string name{};
    std::optional<std::chrono::seconds> key_max_age{};
    std::optional<OwnerName> owner{};
    std::vector<Label> labels{};
    std::optional<OwnerUserId> owner_user_id{};
};
void update_agent(db::Transaction &transaction, AgentId const &id, AgentFields const &fields);

struct AgentFilter {
    std::optional<OrgId> org{};
    std::optional<Status> status{};
    bool surplus = false;  ///< only agents without a seat
    std::optional<std::chrono::seconds> key_due{};
    std::optional<std::chrono::seconds> unused_for{};
    std::optional<std::chrono::seconds>
        bearer_since{};  ///< only agents that called within this time without a signature: with a key, or the shared secret
    std::optional<RoleId> role{};
    WhichAgents which{};
    std::optional<std::string> after{};
    std::vector<SortField> sort{};
    std::optional<std::int64_t> limit{};
};
/// Returns the fields that agents can be sorted by.
std::vector<std::string> agent_sort_fields();
/// Returns agents in order of `sort`, then of id.
db::Stream<Agent> list_agents(db::Transaction &transaction, AgentFilter const &filter);

/// Returns how gateways would accept the agent without its own key. An agent that does not exist: not at all.
db::Pending<KeylessWays> ask_keyless_ways(db::Transaction &transaction, AgentId const &id);

}  // namespace relay::sql
