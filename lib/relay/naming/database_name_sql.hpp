#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/database_label.hpp"

namespace relay::sql {

/// Returns the comment of schema relay as it is now, with what this transaction has written.
std::optional<std::string> schema_comment(db::Transaction &transaction);

/// Writes the name and the mark, and their event. `label` has a name.
void name_database(db::Transaction &transaction, DatabaseLabel const &label, Attribution const &by);

}  // namespace relay::sql
