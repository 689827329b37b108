#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const org{
    .path = "org",
    .summary = "create, list, show and change organizations",
    .doc =
        R"(An organization is a tenant of the relay. An agent belongs to one organization for ever; the plan says how many agents it may have; and
`block` with --org shuts all of them out at once.
)",
    .audience = Audience::orgs,
};

}  // namespace relay::cli::commands
