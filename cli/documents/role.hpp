#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/provision/roles.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace relay::cli {

/// `ROLE --org ORG`, which every command about one role takes.
struct RoleOptions {
    std::optional<std::string> role{};
    std::optional<std::string> id{};
    std::optional<std::string> org{};
};
enum class RoleWord {
    alone,  ///< nothing else stands there: it may also be given as a flag
    first,  ///< other words follow
    to_be_made,  ///< as `alone`, and no role that exists is meant
};
void declare_role(CLI::App &app, RoleOptions &options, RoleWord word = RoleWord::alone);
RoleId role_of(RoleOptions const &options);
OrgId org_of(RoleOptions const &options);

/// Throws Error (usage): none is given, or no role id.
std::vector<RoleId> read_roles(std::vector<std::string> const &words);

/// A role: the item of a list, and what each document about one begins with.
Record role_record(Role const &role);

/// A document of `kind` about a role that was made or changed, shown; with a note if nothing was: `already` completes "nothing changed: role
/// payment ...".
void show_changed_role(Context &context, std::string kind, ChangedRole const &changed, std::string_view already);

}  // namespace relay::cli
