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

/// `ROLE --org ORG`, taken by every command about one role.
struct RoleOptions {
    SpelledId role{};
    std::optional<std::string> org{};
};
enum class RoleWord {
    alone,  ///< no other words follow: the role may also be given as a flag
    first,  ///< other words follow
    to_be_made,  ///< as `alone`, for a role that does not exist yet
};
void declare_role(OptionSet &set, RoleOptions &options, RoleWord word = RoleWord::alone);
RoleId role_of(RoleOptions const &options);
OrgId org_of(RoleOptions const &options);

/// The differences between the commands that assign and unassign roles.
struct RoleChange {
    AgentPermissions (*apply)(db::Database &, ChangeRoles const &, WriteOptions const &);
    std::string_view roles;  ///< description of the words ROLE: "roles that it has"
    std::string_view already;  ///< why nothing changed: completes "nothing changed: agent payments ..."
};
/// Declares `AGENT ROLE...`, and applies the change.
Runner declare_role_change(OptionSet &set, RoleChange const &change);

/// Returns a role: the item of a list, and the beginning of each document about one role.
Record role_record(Role const &role);
/// Returns a role for the columns of a list.
Role sample_role();

/// Shows a document of `kind` about a role that was created or changed, and a note if nothing changed: `already`
/// completes "nothing changed: role payment ...".
void show_changed_role(Context &context, std::string kind, ChangedRole const &changed, std::string_view already);

}  // namespace relay::cli
