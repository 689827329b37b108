#pragma once

#include "relay/identity/delivery.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <optional>
#include <string>

/// What every change of a whole fleet says of one agent.
namespace relay {

/// An agent that will get a key. Its row is locked until the end of the transaction.
struct Receiver {
    AgentId agent;
    OrgId org;
    std::optional<std::string> owner{};

    Recipient recipient() const & { return {org, agent, owner}; }
    Recipient recipient() const && = delete;  // it refers to this
};

/// An agent that got a key, without the secret.
struct IssuedToAgent {
    AgentId agent_id;
    OrgId org_id;
    std::optional<std::string> owner{};
    KeyId key_id;
    Instant issued_at{};
};

/// An agent that failed; the others were not affected.
struct AgentFault {
    AgentId agent_id;
    std::string reason{};
};

}  // namespace relay
