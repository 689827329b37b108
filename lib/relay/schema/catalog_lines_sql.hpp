#pragma once

#include "relay/db/transaction.hpp"

#include <string>
#include <vector>

/// How the statements of catalog_sql.hpp become lines.
namespace relay::sql {

/// Appends the column `line` of each row of a statement.
void append_lines(db::Transaction &transaction, char const *sql, std::vector<std::string> &lines);

/// Appends a line for each row of `described`, the last of the comma-separated WITH queries in `queries`. They can use
/// `ours` (oid, nspname): our schemas. `described` has the columns head (text: name and definition), facts (jsonb: the
/// other columns of the catalog row) and usual (jsonb: their usual values, where they are not empty, 0, false, - or {}).
void append_described(db::Transaction &transaction, char const *queries, std::vector<std::string> &lines);

}  // namespace relay::sql
