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
    std::map<std::string, std::string> columns{};  ///< our names and theirs, where they differ
};

/// Gives each row to `take`, as texts by our names of the columns (agent_id, org_id, name, owner, secret_hash, permissions, revoked); null and
/// empty ones are not there. The secret's hash is also looked for as api_key_hash, the revocation as revoked_at. Rows without an id come first,
/// the others in the order of their ids. Each page is a transaction of its own, so `take` may run others.
/// Throws Error: not_found, no such table; usage, no such column; denied.
void read_legacy_table(db::Database &database, LegacyTable const &table,
                       std::function<void(std::map<std::string, std::string>)> const &take);

/// Throws Error: usage, no name of a table, or one of `columns` is missing; not_found.
void require_legacy_table(db::Database &database, std::string const &table, std::vector<std::string> const &columns);

}  // namespace relay
