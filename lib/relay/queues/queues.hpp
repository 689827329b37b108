#pragma once

#include "relay/db/database.hpp"
#include "relay/model/page.hpp"
#include "relay/queues/records.hpp"

/// Which queues an organization needs at its broker, and whose a queue is. The names themselves are made in one place, by
/// functions of the database.
namespace relay {

struct ListQueues {
    OrgId org;
    bool agents_only = false;  ///< without the shared queues
    bool also_hyphen = false;  ///< also as ORG-AGENT, and who shares that name
    PageRequest page{};  ///< its cursor is a name
};
/// Returns the shared queues, then those of agents in the order of their ids. Throws Error: not_found; usage, not a cursor.
ListEnd list_queues(db::Database &database, ListQueues const &request, EachItem<Queue> const &each);

/// Throws Error: not_found; usage, the agent belongs to another organization.
QueueNames name_queues(db::Database &database, OrgId const &org, std::optional<AgentId> const &agent);

/// Returns nothing for a text that is not the name of a queue.
std::optional<QueueOwnerFound> find_queue_owner(db::Database &database, std::string const &name);

}  // namespace relay
