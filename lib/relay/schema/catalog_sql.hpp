#pragma once

#include "relay/db/transaction.hpp"

#include <string>
#include <vector>

/// What a database's catalogs say about the schemas relay and relay_api, one line per object. The lines are the same
/// on PostgreSQL 13 to 18, and after a dump and a restore.
///
/// Nothing here lists what to compare. A line is the name and the definition of an object, followed by every other
/// column of its catalog row that is not as usual (`relpersistence=u`). Only columns that are left out are named,
/// each group with the reason. So a column that a later PostgreSQL adds is compared, and an object of a kind without
/// special lines gets the line `object KIND NAME`. tests/db/drift_test.cpp fails for a catalog that none of its
/// changes reaches.
///
/// A definition is the server's text of it, so the schema is written in a form that this text does not change: no
/// BETWEEN at the start of an AND, because it comes back as two comparisons; no comparison of rows; date_part instead
/// of EXTRACT.
namespace relay::sql {

void read_relation_lines(db::Transaction &transaction, std::vector<std::string> &lines);
void read_code_lines(db::Transaction &transaction, std::vector<std::string> &lines);
void read_right_lines(db::Transaction &transaction, std::vector<std::string> &lines);
void read_surrounding_lines(db::Transaction &transaction, std::vector<std::string> &lines);

}  // namespace relay::sql
