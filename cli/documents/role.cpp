#include "cli/documents/role.hpp"

#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/permissions.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli {

namespace {

std::vector<RoleId> read_roles(std::vector<std::string> const &words) {
    if (words.empty()) {
        throw Error(ErrorKind::usage, "missing: ROLE", {.next = own_command({"role", "list"})});
    }
    std::vector<RoleId> roles;
    std::transform(words.begin(), words.end(), std::back_inserter(roles), RoleId::parse);
    return roles;
}

}  // namespace

void declare_role(OptionSet &set, RoleOptions &options, RoleWord word) {
    switch (word) {
        case RoleWord::alone: add_role(set, options.role); break;
        case RoleWord::first: add_role_word(set, options.role); break;
        case RoleWord::to_be_made: add_new_role(set, options.role); break;
    }
    add_org_flag(set, "the organization of the role", options.org, Need::required);
}

RoleId role_of(RoleOptions const &options) { return RoleId::parse(options.role.required()); }

OrgId org_of(RoleOptions const &options) { return OrgId::parse(options.org.value()); }

Runner declare_role_change(OptionSet &set, RoleChange const &change) {
    struct Options {
        std::optional<std::string> agent{};
        std::vector<std::string> roles{};
    };
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "AGENT", .description = "the agent", .required = true}, options->agent);
    add_positionals(set, {.names = "ROLE", .description = change.roles}, options->roles);
    return [options, change](Context &context) {
        ChangeRoles const request{.agent = AgentId::parse(options->agent.value()), .roles = read_roles(options->roles)};
        show_agent_permissions(context, change.apply(context.database(), request, context.write_options()), {},
                               change.already);
        return ExitStatus::ok;
    };
}

Role sample_role() { return {.org_id = any_id<OrgId>(), .role_id = any_id<RoleId>()}; }

Record role_record(Role const &role) {
    return {
        {"role_id", "Role ID", role.role_id},
        {"org_id", "Org ID", role.org_id},
        {"name", "Name", or_null(role.name), {.leaves = 1, .cut = true}},
        {"permissions", "Permissions", role.permissions, {.cut = true}},
        {"agents", "Agents", role.agents},
        {"created_at", "Created", role.name.empty() ? Value() : Value(role.created_at), {.leaves = 2}},
        machine_only("created_by", or_null(role.created_by)),
    };
}

void show_changed_role(Context &context, std::string kind, ChangedRole const &changed, std::string_view already) {
    Document document{.kind = std::move(kind), .id_key = "role_id"};
    document.data = hide(role_record(changed.role), {"permissions", "created_at"});
    append(document.data, {
                              unless_empty("changed_permissions", "Changed", changed.changed_permissions),
                              {"grants", "Permissions", role_grant_records(changed.grants)},
                          });
    stamp(document, context, changed);
    context.output().show(document);
    if (!changed.changed) {
        context.output().note("nothing changed: role " + changed.role.role_id.text() + ' ' + std::string(already));
    }
}

}  // namespace relay::cli
