#include "cli/command.hpp"

namespace relay::cli::device_command {

extern Command const command{
    .path = "device",
    .summary = "list and show the devices of people",
    .doc =
        R"(A device belongs to an agent. Its owner pairs it with a code that the agent shows. A gateway keeps it logged in
with a refresh token that changes at each use. relay-admin-devices(7) describes how. The database stores only hashes of
codes and tokens. `block`, `unblock` and `revoke` have --device. A blocked or revoked agent or organization blocks or
revokes its devices, too.
)",
    .audience = Audience::tenants,
};

}  // namespace relay::cli::device_command
