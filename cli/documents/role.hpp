#pragma once

#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/permissions/agent_grants.hpp"
#include "relay/permissions/records.hpp"
#include "relay/permissions/roles.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// `ROLE --org ORG`, which every command about one role takes.
struct RoleOptions {
    SpelledId role{};
    std::optional<std::string> org{};
};
enum class RoleWord {
    alone,  ///< nothing else stands there: it may also be given as a flag
    first,  ///< other words follow
    to_be_made,  ///< as `alone`, and no role that exists is meant
};
void declare_role(OptionSet &set, RoleOptions &options, RoleWord word = RoleWord::alone);
RoleId role_of(RoleOptions const &options);
OrgId org_of(RoleOptions const &options);

/// What parts the commands that give an agent roles and take them.
struct RoleChange {
    AgentPermissions (*apply)(db::Database &, ChangeRoles const &, WriteOptions const &);
    std::string_view roles;  ///< what the words ROLE are: "roles that it has"
    std::string_view already;  ///< why nothing changed: completes "nothing changed: agent payments ..."
};
/// `AGENT ROLE...`, and what is done with them.
Runner declare_role_change(OptionSet &set, RoleChange const &change);

/// A role: the item of a list, and what each document about one begins with.
Record role_record(Role const &role);
/// What the columns of a list are made of.
Role sample_role();

/// A document of `kind` about a role that was made or changed, shown; with a note if nothing was: `already` completes
/// "nothing changed: role payment ...".
void show_changed_role(Context &context, std::string kind, ChangedRole const &changed, std::string_view already);

}  // namespace relay::cli
