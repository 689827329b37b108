#pragma once

#include "relay/db/transaction.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The tables of an older relay in the same database, read with the rights of the login that runs the program.
namespace relay::sql {

/// Returns the columns of SCHEMA.TABLE; empty: there is no such table or view.
std::vector<std::string> table_columns(db::Transaction &transaction, std::string const &table);

/// A row of the old table, as text.
struct OldAgent {
    std::optional<std::string> agent_id{};
    std::optional<std::string> org_id{};
    std::optional<std::string> name{};
    std::optional<std::string> owner{};
    std::optional<std::string> secret_hash{};
    std::optional<std::string> permissions{};
    std::optional<std::string> revoked{};
    std::optional<std::string> revoked_at{};
};
/// Returns a page in order of id, after `after`; none: the rows without an id. `columns` maps our names to the
/// table's and has at least agent_id. The page is longer than `max_rows` if several rows have the last id.
std::vector<OldAgent> read_old_agents(db::Transaction &transaction, std::string const &table,
                                      std::map<std::string, std::string> const &columns,
                                      std::optional<std::string> const &after, int max_rows);

/// Returns one column of such a page, with the ids; without the rows that have no value.
std::vector<std::pair<std::string, std::string>> read_old_column(db::Transaction &transaction, std::string const &table,
                                                                 std::string const &id, std::string const &column,
                                                                 std::optional<std::string> const &after, int max_rows);

/// Returns names of organizations, from a table with the columns org_id and name.
std::map<std::string, std::string> legacy_org_names(db::Transaction &transaction, std::string const &table,
                                                    std::vector<OrgId> const &orgs);

}  // namespace relay::sql
