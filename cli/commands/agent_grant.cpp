#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/permissions.hpp"

#include <memory>

namespace relay::cli::agent_grant_command {

namespace {

struct Options {
    std::optional<std::string> agent{};
    std::vector<std::string> permissions{};
    TermsOptions terms{};
};

ExitStatus run(Options const &options, Context &context) {
    GrantToAgent const request{.agent = AgentId::parse(options.agent.value()),
                               .permissions = read_permission_words(options.permissions),
                               .terms = read_terms(options.terms)};
    show_agent_permissions(context, grant_to_agent(context.database(), request, context.write_options()), {},
                           "already has this");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "AGENT", .description = "the agent", .required = true}, options->agent);
    declare_terms(set, options->terms);
    add_positionals(set, {.names = "PERMISSION", .description = "what it may do: provider:method; * means any"},
                    options->permissions);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent grant",
    .summary = "grant permissions to an agent",
    .doc =
        R"(Gives an agent its own permissions, and prints everything the agent may now do. Gateways use the new
permissions from the next call that they check.

With --conditions, the permissions apply only under these conditions. They are a JSON object that gateways receive
with the permission and check against each call. Without the flag, a permission that the agent already has keeps its
conditions, so a grant never lifts a condition by accident. --conditions replaces them, and --unconditional removes
them. If an agent has a permission in several ways (its own and by roles), any one of them is enough.

"changed_permissions" lists what changed. `agent update` with --add-permission does the same without conditions.

Exit 0: the agent has the permissions. 3: no such agent.

EXAMPLES
  relay-admin agent grant payments stripe:refund 'ledger:*'
  relay-admin agent grant payments stripe:create_payment --conditions '{"max_amount": 10000}'
  # remove the limit
  relay-admin agent grant payments stripe:create_payment --unconditional
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::agent_grant_command
