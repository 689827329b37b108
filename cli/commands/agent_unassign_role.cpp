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
    show_agent_permissions(context, unassign_roles(context.database(), request, context.write_options()), {},
                           "has no such role");
    return ExitStatus::ok;
}

Runner declare(CLI::App &app) {
    auto const options = std::make_shared<Options>();
    add_positional(app, {.names = "AGENT", .description = "the agent", .required = true}, options->agent);
    add_positionals(app, {.names = "ROLE", .description = "roles that it has"}, options->roles);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const agent_unassign_role;
Command const agent_unassign_role{
    .path = "agent unassign-role",
    .summary = "take roles from an agent",
    .doc =
        R"(Takes roles from an agent, and prints what it may still do. A role that it does not have changes nothing; "changed_roles" names what did
change.

Exit 0: taken, now or before. 3: no such agent.

EXAMPLES
  relay-admin agent unassign-role payments accounting
)",
    .declare = declare,
};

}  // namespace relay::cli::commands
