#include "cli/command.hpp"

namespace relay::cli::plan_command {

extern Command const command{
    .path = "plan",
    .summary = "list, show, create and change plans",
    .doc =
        R"(A plan is a name for limits, such as the number of agents, or of messages per day.
`org update` with --plan puts an organization on a plan; --limit gives it a limit that differs from its plan.
See relay-admin-plans(7) for the meters, and for the end of a plan.
)",
    .audience = Audience::tenants,
};

}  // namespace relay::cli::plan_command
