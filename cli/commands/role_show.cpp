#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/permissions.hpp"
#include "cli/documents/role.hpp"
#include "cli/output/render.hpp"

#include <memory>

namespace relay::cli::role_show_command {

namespace {

Record details_record(RoleDetails const &details) {
    Record record = hide(role_record(details.role), {"permissions", "agents", "created_at"});
    std::string const more = details.role.agents > static_cast<std::int64_t>(details.agents.size()) ? ", ..." : "";
    append(record,
           {
               people_only("Agents", std::to_string(details.role.agents) +
                                         (details.agents.empty() ? "" : ": " + plain_text(details.agents) + more)),
               people_only("Created", Phrase{details.role.created_at, " by " + details.role.created_by}),
               machine_only("first_agents", details.agents),
               {"grants", "Permissions", role_grant_records(details.grants)},
           });
    return record;
}

ExitStatus run(RoleOptions const &options, Context &context) {
    RoleDetails const details = show_role(context.database(), org_of(options), role_of(options));
    browse(context, {.kind = "RoleDetails", .id_key = "role_id", .data = details_record(details)}, details.at,
           details.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<RoleOptions>();
    declare_role(set, *options);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "role show",
    .summary = "show a role: its permissions and its agents",
    .doc =
        R"(Shows a role: each permission with its conditions, how many agents have the role, and the ids of the first
hundred. `agent list` with --role lists all of them.

Exit 0: shown. 3: no such organization or role; the error suggests similar ids.

EXAMPLES
  relay-admin role show accounting --org acme-corp
  relay-admin role show accounting --org acme-corp -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::role_show_command
