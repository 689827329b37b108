#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/permissions.hpp"
#include "cli/documents/role.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::optional<std::string> agent{};
    std::vector<std::string> roles{};
};

ExitStatus run(Options const &options, Context &context) {
    ChangeRoles const request{.agent = AgentId::parse(options.agent.value()), .roles = read_roles(options.roles)};
    show_agent_permissions(context, assign_roles(context.database(), request, context.write_options()), {},
                           "has this already");
    return ExitStatus::ok;
}

Runner declare(CLI::App &app) {
    auto const options = std::make_shared<Options>();
    add_positional(app, {.names = "AGENT", .description = "the agent", .required = true}, options->agent);
    add_positionals(app, {.names = "ROLE", .description = "roles of its organization"}, options->roles);
    return [options](Context &context) { return run(*options, context); };
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
};

}  // namespace relay::cli::commands
