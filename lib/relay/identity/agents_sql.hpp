#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/ids.hpp"

namespace relay::sql {

struct InsertedAgent {
    bool has_revocations = false;  ///< something was once said against its id or its organization, and may still stand
    bool limited = false;  ///< its organization may have only so many, and they are still to be counted
};
/// Nothing if the id exists already, or the organization does not; waits for a transaction that is inserting it.
std::optional<InsertedAgent> insert_agent(db::Transaction &transaction, AgentId const &id, OrgId const &org,
                                          DisplayName const &name, std::vector<Permission> const &permissions,
                                          std::optional<std::chrono::seconds> key_max_age, Note const &created_by);

std::optional<Agent> find_agent(db::Transaction &transaction, AgentId const &id);

/// As find_agent; throws Error (not_found) with ids that are close.
Agent get_agent(db::Transaction &transaction, AgentId const &id);

/// Holds the agent's row until the end, so that rotations of one agent go one after the other; then as get_agent.
Agent lock_agent(db::Transaction &transaction, AgentId const &id);

/// The oldest agent of that name in an organization.
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
/// In order of id.
std::vector<Agent> list_agents(db::Transaction &transaction, AgentFilter const &filter);

}  // namespace relay::sql
