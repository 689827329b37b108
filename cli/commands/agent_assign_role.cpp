#include "cli/command.hpp"
#include "cli/documents/role.hpp"

namespace relay::cli::agent_assign_role_command {

namespace {

Runner declare(OptionSet &set) {
    return declare_role_change(
        set, {.apply = assign_roles, .roles = "roles of its organization", .already = "has this already"});
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent assign-role",
    .summary = "assign roles to an agent",
    .doc =
        R"(Gives an agent one or more roles of its organization. The agent may then do what the roles permit, in
addition to its own permissions. The command prints everything the agent may now do.

Assigning a role that the agent already has changes nothing. "changed_roles" lists the roles that were added.

Exit 0: the agent has the roles. 3: no such agent, or its organization has no such role.

EXAMPLES
  relay-admin agent assign-role payments accounting
  relay-admin agent assign-role crm-sync support reporting
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::agent_assign_role_command
