#include "cli/command.hpp"

namespace relay::cli::usage_command {

extern Command const command;
Command const command{
    .path = "usage",
    .summary = "show what organizations use, and report it by month",
    .doc =
        R"(Gateways count what organizations use. Flows (messages, api_calls, compute_ms, ai_tokens) are counted by the
day in UTC. Stocks (storage_mb, vms) are held under a name until they are released. A limit of a flow is for a day. A
limit of a stock is for everything that is held at the same time.

A gateway takes flows in blocks, and a block counts as used when it is taken. It gives back what is left when it stops,
or when no call has come for a minute. So until then some units count that no one has used yet.

relay-admin-gateway(7) explains how a gateway counts.
)",
    .audience = Audience::tenants,
};

}  // namespace relay::cli::usage_command
