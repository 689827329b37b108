#pragma once

#include "relay/db/database.hpp"
#include "relay/model/ids.hpp"

#include <string>

namespace relay {

/// What an agent's process is given at its start, and is not secret.
struct AgentContext {
    AgentId agent_id;
    OrgId org_id;
    std::string name{};
    std::string queue{};  ///< of all agents of the organization
    std::string dedicated_queue{};  ///< of this agent
};

/// Throws Error (not_found) that suggests similar ids.
AgentContext agent_context(db::Database &database, AgentId const &agent);

}  // namespace relay
