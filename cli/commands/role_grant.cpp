#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/permissions.hpp"
#include "cli/documents/role.hpp"

#include <memory>

namespace relay::cli::role_grant_command {

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
                      "already permits this");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    declare_role(set, options->role, RoleWord::first);
    declare_terms(set, options->terms);
    add_positionals(set, {.names = "PERMISSION", .description = "permission to add: provider:method; * means any"},
                    options->permissions);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "role grant",
    .summary = "add permissions to a role",
    .doc =
        R"(Adds permissions to a role, for every agent that has it.

With --conditions, the permissions apply only under these conditions. They are a JSON object that gateways receive
with the permission and check against each call. Without the flag, a permission that the role already has keeps its
conditions, so a grant never lifts a condition by accident. --conditions replaces them, and --unconditional removes
them. "changed_permissions" lists what changed.

Exit 0: the role has the permissions. 3: no such organization or role.

EXAMPLES
  relay-admin role grant accounting stripe:refund ledger:read --org acme-corp
  relay-admin role grant accounting stripe:create_payment --org acme-corp --conditions '{"max_amount": 10000}'
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::role_grant_command
