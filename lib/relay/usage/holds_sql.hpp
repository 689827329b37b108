#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/error.hpp"
#include "relay/usage/records.hpp"

namespace relay::sql {

std::vector<std::string> hold_sort_fields();
/// What an organization holds, of all meters or one.
db::Stream<Hold> list_holds(db::Transaction &transaction, OrgId const &org, std::optional<MeterName> const &meter,
                            std::vector<SortField> const &sort);

/// Returns the open hold of that name, or else the last one that ended.
std::optional<Hold> find_hold(db::Transaction &transaction, OrgId const &org, MeterName const &meter, HoldId const &id);
/// Ends a hold, and writes its event. Returns false if nothing is held under this name.
bool release_hold(db::Transaction &transaction, OrgId const &org, MeterName const &meter, HoldId const &id,
                  Attribution const &by);
/// Returns the Error (not_found) for a name under which nothing was ever held; it suggests similar ones.
Error no_such_hold(db::Transaction &transaction, OrgId const &org, MeterName const &meter, HoldId const &id);

}  // namespace relay::sql
