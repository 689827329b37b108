#include "cli/command.hpp"

namespace relay::cli::org_command {

extern Command const command{
    .path = "org",
    .summary = "create, list, show and change organizations",
    .doc =
        R"(An organization is a tenant of the relay. An agent belongs to one organization permanently. The plan limits
how many agents an organization may have. `block` with --org blocks all its agents immediately.
)",
    .audience = Audience::orgs,
};

}  // namespace relay::cli::org_command
