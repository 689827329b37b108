#pragma once

#include "relay/identity/create_agent.hpp"
#include "relay/identity/create_org.hpp"

namespace relay {

struct Initialize {
    CreateOrg org;
    std::optional<AgentId> agent_id{};  ///< none: generated; on a repeat the agent is then known by its name
    DisplayName agent_name;
    std::vector<Permission> permissions{};
};

struct Initialized : CreatedAgent {
    Org org;
    std::vector<int> migrations{};  ///< versions that were applied
};

/// The first run: schema, first organization, first agent and its key, in one transaction. The same again changes nothing; it never resets
/// or re-enables anything. Throws Error: conflict, the database already holds other organizations, or these with other content; as
/// create_agent; as sql::apply_pending.
Initialized initialize(db::Database &database, Initialize const &request, WriteOptions const &options,
                       KeyDelivery &delivery);

}  // namespace relay
