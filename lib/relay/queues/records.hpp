#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/text_of.hpp"
#include "relay/model/time.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

/// Queues of a message broker. Their names follow from ids (relay_api.queue_name); no row describes a queue.
namespace relay {

enum class QueueKind {
    agents,  ///< for any agent of the organization
    orchestrator,
    dlq,  ///< dead letters
    agent,  ///< for one agent
};

template <>
struct EnumText<QueueKind> {
    static constexpr auto words = std::to_array<EnumWord<QueueKind>>({{QueueKind::agents, "agents"},
                                                                      {QueueKind::orchestrator, "orchestrator"},
                                                                      {QueueKind::dlq, "dlq"},
                                                                      {QueueKind::agent, "agent"}});
};

/// The owner of a queue.
struct QueueOwner {
    OrgId org_id;
    QueueKind kind = QueueKind::agents;
    std::optional<AgentId> agent_id{};  ///< of QueueKind::agent
};

struct Queue : QueueOwner {
    std::string name{};
    std::optional<std::string>
        hyphen_name{};  ///< ORG-AGENT, as it would be called without the dot; none: not asked for
    std::vector<QueueOwner> sharing{};  ///< whose queues have the same hyphen name, without case
};

/// The names of the shared queues of an organization, and of the queue of one of its agents.
struct QueueNames {
    OrgId org_id;
    std::optional<AgentId> agent_id{};
    std::string agents{};
    std::string orchestrator{};
    std::string dlq{};
    std::optional<std::string> agent{};  ///< if it is about an agent
    Instant at{};
    std::string db_role{};
};

struct QueueOwnerFound : QueueOwner {
    bool exists = false;  ///< the organization exists, and so does the agent of an agent's queue
    Instant at{};
    std::string db_role{};
};

}  // namespace relay
