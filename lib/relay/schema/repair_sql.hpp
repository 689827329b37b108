#pragma once

#include "relay/db/transaction.hpp"
#include "relay/schema/repair_plan.hpp"

#include <vector>

namespace relay::sql {

/// Runs all of the statements in one message: there may be a thousand.
void run_repairs(db::Transaction &transaction, std::vector<SchemaRepair> const &repairs);

/// Lets the login act as relay_owner for this transaction, as 0001_foundation.sql does: a superuser may already, another
/// login that may create roles joins the role. Returns whether it joined.
bool join_owner(db::Transaction &transaction);

/// Undoes join_owner: after a repair, the login must not remain in relay_owner.
void leave_owner(db::Transaction &transaction);

}  // namespace relay::sql
