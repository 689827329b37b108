#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/permissions.hpp"

#include <memory>

namespace relay::cli::agent_revoke_permission_command {

namespace {

struct Options {
    std::optional<std::string> agent{};
    std::vector<std::string> permissions{};
};

/// Returns a warning for each permission that the agent still has by a role or by a wider permission.
std::vector<std::string> warnings_of(RevokeFromAgent const &request, AgentPermissions const &left) {
    std::vector<std::string> warnings;
    for (Permission const &asked : request.permissions) {
        for (Grant const &grant : left.grants) {
            if (Permission::parse(grant.permission).covers(asked)) {
                warnings.push_back("agent " + left.agent.agent_id.text() + " may still do " + asked.text() + ", by " +
                                   (grant.role_id ? "role " + grant.role_id->text() : "its own " + grant.permission));
            }
        }
    }
    return warnings;
}

ExitStatus run(Options const &options, Context &context) {
    RevokeFromAgent const request{.agent = AgentId::parse(options.agent.value()),
                                  .permissions = read_permission_words(options.permissions)};
    AgentPermissions const left = revoke_from_agent(context.database(), request, context.write_options());
    show_agent_permissions(context, left, warnings_of(request, left), "has no such permission itself");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "AGENT", .description = "the agent", .required = true}, options->agent);
    add_positionals(set, {.names = "PERMISSION", .description = "permission to take away, as it was granted"},
                    options->permissions);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent revoke-permission",
    .summary = "take permissions from an agent",
    .doc =
        R"(Takes the agent's own permissions away, with their conditions, and prints what the agent may still do. Name
each permission as it was granted: you cannot take away a part of 'stripe:*'. Naming a permission that the agent does
not have changes nothing.

Permissions that the agent has by a role remain. If the agent may still do what you took away, a warning says why.

Exit 0: the agent no longer has the permissions. 3: no such agent.

EXAMPLES
  relay-admin agent revoke-permission payments stripe:refund
  relay-admin agent revoke-permission payments 'stripe:*' 'ledger:*' --ticket INC-42
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::agent_revoke_permission_command
