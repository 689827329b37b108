#include "cli/command.hpp"

namespace relay::cli::role_command {

extern Command const command{
    .path = "role",
    .summary = "create, list, show, change and delete roles",
    .doc =
        R"(A role is a named set of permissions in one organization. `agent assign-role` gives it to an agent, which
then may do what its roles permit, in addition to its own permissions. A change to a role applies to every agent that
has it, from the next call that a gateway checks.
)",
    .audience = Audience::agents,
    .rank = 4,
};

}  // namespace relay::cli::role_command
