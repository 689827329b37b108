#include "cli/command.hpp"
#include "cli/documents/role.hpp"

namespace relay::cli::commands {

namespace {

Runner declare(OptionSet &set) {
    return declare_role_change(
        set, {.apply = assign_roles, .roles = "roles of its organization", .already = "has this already"});
}

}  // namespace

extern Command const agent_assign_role;
Command const agent_assign_role{
    .path = "agent assign-role",
    .summary = "give an agent roles",
    .doc =
        R"(Gives an agent roles of its organization: it then may do what they permit, besides what it may do by itself. It prints all that the agent may do
then. A role that it has already changes nothing; "changed_roles" names what did change.

Exit 0: given, now or before. 3: no such agent, or its organization has no such role.

EXAMPLES
  relay-admin agent assign-role payments accounting
  relay-admin agent assign-role crm-sync support reporting
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
