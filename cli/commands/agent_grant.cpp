#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/permissions.hpp"

#include <memory>

namespace relay::cli::commands {

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
                           "has this already");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "AGENT", .description = "the agent", .required = true}, options->agent);
    declare_terms(set, options->terms);
    add_positionals(set, {.names = "PERMISSION", .description = "what it may do: provider:method, * for any"},
                    options->permissions);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const agent_grant;
Command const agent_grant{
    .path = "agent grant",
    .summary = "give an agent permissions of its own",
    .doc =
        R"(Gives an agent permissions of its own, and prints all that it may do then. With --conditions they hold under these alone: a JSON object that
gateways get with the permission, and that they check against the call. Gateways see it with the next call that they check.

What the agent has already stays under the conditions that it has, so that a grant never lifts one by the way; --conditions sets others,
and --unconditional frees it of them. Of several ways to have a permission, by itself and by roles, any one is enough.

"changed_permissions" names what did change; `agent update` with --add-permission does the same without conditions.

Exit 0: granted, now or before. 3: no such agent.

EXAMPLES
  relay-admin agent grant payments stripe:refund 'ledger:*'
  relay-admin agent grant payments stripe:create_payment --conditions '{"max_amount": 10000}'
  # the limit falls
  relay-admin agent grant payments stripe:create_payment --unconditional
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
