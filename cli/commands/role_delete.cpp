#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/role.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/output.hpp"

#include <memory>

namespace relay::cli::role_delete_command {

namespace {

struct Options {
    RoleOptions role{};
    bool force = false;
};

/// Asks, and says how many agents lose the role. Stops a script without --yes before it touches the database.
void confirm(OrgId const &org, RoleId const &id, Options const &options, Context &context) {
    Globals const &globals = context.globals();
    if (globals.yes || globals.dry_run) {
        return;
    }
    std::string question = "Delete role " + id.text() + " of " + org.text() + '?';
    if (context.prompt().can_ask()) {
        auto const agents = show_role(context.database(), org, id).role.agents;
        if (agents > 0 && !options.force) {
            return;  // will be refused
        }
        if (agents > 0) {
            question = "Delete role " + id.text() + " of " + org.text() + ", which " + std::to_string(agents) +
                       (agents == 1 ? " agent has?" : " agents have?");
        }
    }
    context.prompt().confirm(question);
}

ExitStatus run(Options const &options, Context &context) {
    OrgId const org = org_of(options.role);
    RoleId const id = role_of(options.role);
    confirm(org, id, options, context);
    DeletedRole const deleted =
        delete_role(context.database(), {.org = org, .id = id, .force = options.force}, context.write_options());

    Document document{.kind = "RoleDeletion", .id_key = "role_id"};
    document.data = hide(role_record(deleted.role), {"permissions", "agents", "created_at"});
    document.data.push_back(unless_empty("unassigned_agents", "Taken from", deleted.agents));
    if (!deleted.suggestions.empty()) {
        document.warnings.push_back("there is a role " + deleted.suggestions.front() + "; it was not changed");
    }
    stamp(document, context, deleted);
    context.output().show(document);
    if (!deleted.changed) {
        context.output().note("nothing changed: org " + org.text() + " has no role " + id.text());
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    declare_role(set, options->role);
    add_flag(set, {.names = "--force", .description = "delete it even if agents have it; it is taken from them"},
             options->force);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "role delete",
    .summary = "delete a role",
    .doc =
        R"(Deletes a role and its permissions. If agents have the role, the command exits 5 and says how many. With
--force the role is taken from all of them in the same transaction, and each gets its own row in the audit trail.

At a terminal the command asks first; --yes answers yes. A script without --yes stops with exit 2 before it touches
the database. Deleting a role that does not exist changes nothing ("changed": false); a warning names a role with a
similar id.

Exit 0: deleted, or it did not exist. 2: --yes is missing. 3: no such organization. 5: agents have the role. 13: the
question was answered no.

EXAMPLES
  relay-admin role delete support --org acme-corp
  # from a script, even if agents have it
  relay-admin role delete support --org acme-corp --force --yes
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::role_delete_command
