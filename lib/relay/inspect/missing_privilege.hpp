#pragma once

#include "relay/db/database.hpp"

#include <optional>
#include <string>

namespace relay {

/// Why a login may not do something, and the statement that ends this.
struct MissingPrivilege {
    std::string why{};
    std::string next{};  ///< SQL, after words that say who must run it
};

enum class Wanted { schema_change, work };

/// Returns what the login of `settings` lacks: for a change of the schema (membership in relay_owner, CREATE on the
/// database, the groups), or for the work of a member (a membership that gives no privileges, because of NOINHERIT). The
/// statement fits the server's version: since PostgreSQL 16, each grant of a role has its own options, and only those
/// who have ADMIN OPTION on it may grant it. None: nothing is known beyond the server's own message.
std::optional<MissingPrivilege> find_missing_privilege(db::Settings const &settings, Wanted wanted);

}  // namespace relay
