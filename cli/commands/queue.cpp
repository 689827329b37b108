#include "cli/command.hpp"

namespace relay::cli::queue_command {

extern Command const command{
    .path = "queue",
    .summary = "show the names of queues at a message broker",
    .doc =
        R"(Agents exchange messages through queues at a broker: Azure Service Bus, RabbitMQ or NATS. The name of a queue follows
from the ids of its organization and its agent. So no one has to choose it, and no two owners share one.

  ORG-agents        shared: any agent of the organization
  ORG-orchestrator  shared: the orchestrator
  ORG-dlq           shared: dead letters
  ORG.AGENT         one agent

An organization's id has no dot, so the first dot splits a name. If a broker does not accept an id, the name has
another spelling of it, and then /MASK. `queue name` shows it. That concerns ids with capitals, ids that end in a
sign, and ids with two dots in a row. It also concerns the organization amq, because RabbitMQ reserves such names.

The commands only compute names. They create no queue: each broker has its own tool for that.
)",
    .audience = Audience::tenants,
    .rank = 7,
};

}  // namespace relay::cli::queue_command
