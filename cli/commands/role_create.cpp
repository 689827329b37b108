#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/role.hpp"
#include "cli/output/output.hpp"

#include <memory>

namespace relay::cli::role_create_command {

namespace {

struct Options {
    RoleOptions role{};
    std::optional<std::string> name{};
    std::vector<std::string> permissions{};
};

ExitStatus run(Options const &options, Context &context) {
    CreateRole const request{.org = org_of(options.role),
                             .id = role_of(options.role),
                             .name = DisplayName::parse(options.name.value()),
                             .permissions = parse_permissions(options.permissions)};
    ChangedRole const created = create_role(context.database(), request, context.write_options());
    show_changed_role(context, "RoleCreation", created, "already exists as requested");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    declare_role(set, options->role, RoleWord::to_be_made);
    add_value(set, {.names = "--name", .description = "display name", .required = true}, options->name);
    add_values(
        set,
        {.names = "--permissions", .type = "P,...", .description = "what it permits: provider:method; * means any"},
        options->permissions, Commas::split);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "role create",
    .summary = "create a role in an organization",
    .doc =
        R"(Creates a role: a named set of permissions that agents of the organization may have. Two organizations may
use the same id for different roles.

An id has 1 to 63 characters from a-z, 0-9, - and _, and begins with a letter or digit. A permission is
provider:method, with * for any on either side. The permissions given here have no conditions; `role grant` adds more,
with conditions if you want.

Running the command again with the same content changes nothing ("changed": false). Without --permissions it compares
only the name, so that a script may create a role whose permissions are changed later.

Exit 0: created, or it already existed as requested. 3: no such organization. 5: the id exists with other content; the
message names the fields that differ.

EXAMPLES
  relay-admin role create accounting --org acme-corp --name Accounting --permissions 'stripe:*,ledger:read'
  # empty; fill it with role grant
  relay-admin role create support --org acme-corp --name "Support desk"
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::role_create_command
