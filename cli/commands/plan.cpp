#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const plan{
    .path = "plan",
    .summary = "list, show, create and change plans",
    .doc =
        R"(A plan is a name for limits: how many agents an organization may have, how many messages per day, and so on.
`org update` with --plan puts an organization on a plan; --limit gives it a limit that differs from its plan.
relay-admin-plans(7) describes the meters, and what happens if a plan ends.
)",
    .audience = Audience::orgs,
};

}  // namespace relay::cli::commands
