#include "cli/command.hpp"
#include "cli/documents/role.hpp"

namespace relay::cli::agent_unassign_role_command {

namespace {

Runner declare(OptionSet &set) {
    return declare_role_change(set,
                               {.apply = unassign_roles, .roles = "roles that it has", .already = "has no such role"});
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent unassign-role",
    .summary = "take roles from an agent",
    .doc =
        R"(Takes roles from an agent, and prints what the agent may still do. Naming a role that the agent does not
have changes nothing. "changed_roles" lists the roles that were taken away.

Exit 0: the agent does not have the roles. 3: no such agent.

EXAMPLES
  relay-admin agent unassign-role payments accounting
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::agent_unassign_role_command
