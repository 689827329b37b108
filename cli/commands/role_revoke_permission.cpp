#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/permissions.hpp"
#include "cli/documents/role.hpp"

#include <memory>

namespace relay::cli::role_revoke_permission_command {

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
                      "has no permission of that name");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    declare_role(set, options->role, RoleWord::first);
    add_positionals(set, {.names = "PERMISSION", .description = "permission to take away, as it was granted"},
                    options->permissions);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "role revoke-permission",
    .summary = "take permissions from a role",
    .doc =
        R"(Takes permissions from a role, and so from every agent that has it. Name each permission as it was granted:
you cannot take away a part of 'stripe:*'. Naming a permission that the role does not have changes nothing.

An agent may still have the permission itself or by another role; `agent show` shows this.

Exit 0: the role no longer has the permissions. 3: no such organization or role.

EXAMPLES
  relay-admin role revoke-permission accounting stripe:refund --org acme-corp
  relay-admin role revoke-permission accounting 'stripe:*' ledger:read --org acme-corp
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::role_revoke_permission_command
