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
};

ExitStatus run(Options const &options, Context &context) {
    RevokeFromRole const request{.org = org_of(options.role),
                                 .id = role_of(options.role),
                                 .permissions = read_permission_words(options.permissions)};
    show_changed_role(context, "RolePermissions",
                      revoke_from_role(context.database(), request, context.write_options()),
                      "does not permit this by that name");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    declare_role(set, options->role, RoleWord::first);
    add_positionals(set, {.names = "PERMISSION", .description = "what it is not to permit any more, as it was granted"},
                    options->permissions);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const role_revoke_permission;
Command const role_revoke_permission{
    .path = "role revoke-permission",
    .summary = "let a role permit less",
    .doc =
        R"(Takes permissions from a role, and so from each agent that has it. A permission goes by the name under which it was granted: of 'stripe:*'
no part can be taken. One that the role does not have changes nothing.

An agent may still have the permission by itself or by another role; `agent show` tells.

Exit 0: gone, now or before. 3: no such organization or role.

EXAMPLES
  relay-admin role revoke-permission accounting stripe:refund --org acme-corp
  relay-admin role revoke-permission accounting 'stripe:*' ledger:read --org acme-corp
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
