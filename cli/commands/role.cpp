#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const role{
    .path = "role",
    .summary = "permissions under a name, for agents to have",
    .doc =
        R"(A role is a set of permissions under a name, of one organization. `agent assign-role` gives it to an agent, which then may do what it
may do by itself and what its roles permit. A change of a role counts for each agent that has it, from the next call that a gateway
checks.
)",
    .audience = Audience::agents,
    .rank = 4,
};

}  // namespace relay::cli::commands
