#include "cli/command.hpp"

namespace relay::cli::gateway_command {

extern Command const command;
Command const command{
    .path = "gateway",
    .summary = "show which gateways follow blocks and revocations",
    .doc =
        R"(Gateways cache the database's decisions, and follow the change feed to drop outdated ones in time. Each
gateway reports how far it has followed the feed. relay-admin-gateway(7) describes how a gateway does this, and
everything else that the author of a gateway needs to know: man 7 relay-admin-gateway.
)",
    .audience = Audience::incidents,
};

}  // namespace relay::cli::gateway_command
