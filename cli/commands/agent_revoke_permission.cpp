#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/permissions.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::optional<std::string> agent{};
    std::vector<std::string> permissions{};
};

/// Who takes a permission away should know by what the agent still has it.
std::vector<std::string> warnings_of(RevokeFromAgent const &request, AgentPermissions const &left) {
    std::vector<std::string> warnings;
    for (Permission const &asked : request.permissions) {
        for (Grant const &grant : left.grants) {
            if (Permission::parse(grant.permission).covers(asked)) {
                warnings.push_back("agent " + left.agent.agent_id.text() + " may still do " + asked.text() + ": by " +
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
    show_agent_permissions(context, left, warnings_of(request, left), "has no such permission of its own");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "AGENT", .description = "the agent", .required = true}, options->agent);
    add_positionals(set, {.names = "PERMISSION", .description = "what it may not do any more, as it was granted"},
                    options->permissions);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const agent_revoke_permission;
Command const agent_revoke_permission{
    .path = "agent revoke-permission",
    .summary = "take permissions of its own from an agent",
    .doc =
        R"(Takes permissions of its own, with their conditions, from an agent, and prints what it may still do. A permission goes by the name under
which it was granted: of 'stripe:*' no part can be taken. One that the agent does not have changes nothing.

What it has by a role stays: where the agent may still do what was taken, a warning says by what.

Exit 0: gone, now or before. 3: no such agent.

EXAMPLES
  relay-admin agent revoke-permission payments stripe:refund
  relay-admin agent revoke-permission payments 'stripe:*' 'ledger:*' --ticket INC-42
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
