#pragma once

#include "relay/identity/create_agent.hpp"
#include "relay/identity/create_org.hpp"

namespace relay {

struct Initialize {
    CreateOrg org;
    std::optional<AgentId> agent_id{};  ///< none: generated; a repeat then finds the agent by its name
    DisplayName agent_name;
    std::vector<Permission> permissions{};
};

struct Initialized : CreatedAgent {
    Org org;
    std::vector<int> migrations{};  ///< the versions that were applied
};

/// Sets a database up in one transaction: the schema, the first organization, the first agent and its key. The same
/// request again changes nothing; it never resets or unblocks anything. Throws Error: conflict, the database already
/// has other organizations, or these with other content; as create_agent; as sql::apply_pending.
Initialized initialize(db::Database &database, Initialize const &request, WriteOptions const &options,
                       KeyDelivery &delivery);

}  // namespace relay
