#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const gateway;
Command const gateway{
    .path = "gateway",
    .summary = "see who listens to blocks and revocations",
    .doc =
        R"(Gateways cache what the database decided, and follow the change feed to forget it in time. Each says up to where it has followed.

How a gateway has to do that, and all else that its author must know, is told in relay-admin-gateway(7): man 7 relay-admin-gateway.
)",
    .audience = Audience::incidents,
};

}  // namespace relay::cli::commands
