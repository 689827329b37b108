#pragma once

#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/policy/due.hpp"

namespace relay::sql {

db::Stream<DueKey> list_due_keys(db::Transaction &transaction, DueRequest const &request);
db::Stream<DueOwner> list_due_owners(db::Transaction &transaction, DueRequest const &request);

}  // namespace relay::sql
