#pragma once

#include "relay/crypto/key_hash.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/ids.hpp"

namespace relay::sql {

struct InsertedAgent {
    bool has_revocations = false;  ///< relay.revocations has rows for its id or its organization; they may have ended
    bool limited = false;  ///< its organization has a limit of agents; the caller must check it
};
/// Inserts an agent. Returns nothing if the id exists already or the organization does not exist. Waits for a
/// transaction that is inserting the same id.
db::Pending<std::optional<InsertedAgent>> insert_agent(db::Transaction &transaction, AgentId const &id,
                                                       OrgId const &org, DisplayName const &name,
                                                       std::vector<Permission> const &permissions,
                                                       std::optional<std::chrono::seconds> key_max_age,
                                                       Note const &created_by);

std::optional<Agent> find_agent(db::Transaction &transaction, AgentId const &id);

/// Reads a new agent back together with its first key. Returns none if the agent is missing, or if the key is not as it
/// was made: its hash, its agent, and active.
db::Pending<std::optional<Agent>> find_made_agent(db::Transaction &transaction, AgentId const &id, KeyId const &key,
                                                  KeyHash const &hash);

/// As find_agent; throws Error (not_found) that suggests similar ids.
Agent get_agent(db::Transaction &transaction, AgentId const &id);

/// Locks the agent's row until the transaction ends, so that rotations of one agent run one after the other.
/// Otherwise as get_agent.
Agent lock_agent(db::Transaction &transaction, AgentId const &id);
/// Sends the lock only, for what reads the agent in the same message.
void send_agent_lock(db::Transaction &transaction, AgentId const &id);

/// Returns the oldest agent with that name in an organization.
std::optional<AgentId> find_agent_by_name(db::Transaction &transaction, OrgId const &org, DisplayName const &name);

void update_agent(db::Transaction &transaction, AgentId const &id, std::string const &name,
                  std::optional<std::chrono::seconds> key_max_age);

struct AgentFilter {
    std::optional<OrgId> org{};
    std::optional<Status> status{};
    std::optional<std::chrono::seconds> key_due{};
    std::optional<std::chrono::seconds> unused_for{};
    std::optional<RoleId> role{};
    std::optional<std::string> after{};
    std::optional<std::int64_t> limit{};
};
/// Returns agents in order of id.
std::vector<Agent> list_agents(db::Transaction &transaction, AgentFilter const &filter);

}  // namespace relay::sql
