#pragma once

#include "relay/db/database.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace relay {

/// A table, or view, of an older relay in the same database.
struct LegacyTable {
    std::string name{};  ///< SCHEMA.TABLE
    /// From our names to the table's, where they differ; to an empty name, to leave a column out.
    std::map<std::string, std::string> columns{};
    /// Returns whether a column that is not one of ours is read, too, by its own name.
    bool (*also)(std::string_view name) = nullptr;
};

/// Passes each row to `take`, as texts by our names of the columns: agent_id, org_id, name, owner, secret_hash,
/// permissions, revoked, revoked_at; then those of `also`. Null and empty values are left out. A column api_key_hash counts as secret_hash.
/// Rows without an id come first, the others in order of id. Each page is read in its own transaction, so `take` may
/// run others. Throws Error: not_found, no such table; usage, no such column; denied, also if row level security would
/// hide rows from the login.
void read_legacy_table(db::Database &database, LegacyTable const &table,
                       std::function<void(std::map<std::string, std::string>)> const &take);

/// Checks that a table exists and has `columns`. Throws Error: usage, not a table's name, or a column is missing;
/// not_found.
void require_legacy_table(db::Database &database, std::string const &table, std::vector<std::string> const &columns);

}  // namespace relay
