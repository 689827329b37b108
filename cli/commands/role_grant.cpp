#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/permissions.hpp"
#include "cli/documents/role.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    RoleOptions role{};
    std::vector<std::string> permissions{};
    TermsOptions terms{};
};

ExitStatus run(Options const &options, Context &context) {
    GrantToRole const request{.org = org_of(options.role),
                              .id = role_of(options.role),
                              .permissions = read_permission_words(options.permissions),
                              .terms = read_terms(options.terms)};
    show_changed_role(context, "RolePermissions", grant_to_role(context.database(), request, context.write_options()),
                      "permits this already");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    declare_role(set, options->role, RoleWord::first);
    declare_terms(set, options->terms);
    add_positionals(set, {.names = "PERMISSION", .description = "what it is to permit: provider:method, * for any"},
                    options->permissions);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const role_grant;
Command const role_grant{
    .path = "role grant",
    .summary = "let a role permit more",
    .doc =
        R"(Adds permissions to a role, for each agent that has it. With --conditions they hold under these alone: a JSON object that gateways get with the
permission, and that they check against the call.

What the role permits already stays under the conditions that it has, so that a grant never lifts one by the way; --conditions sets others,
and --unconditional frees it of them. "changed_permissions" names what did change.

Exit 0: granted, now or before. 3: no such organization or role.

EXAMPLES
  relay-admin role grant accounting stripe:refund ledger:read --org acme-corp
  relay-admin role grant accounting stripe:create_payment --org acme-corp --conditions '{"max_amount": 10000}'
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
