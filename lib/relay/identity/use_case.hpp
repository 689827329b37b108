#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/model/attribution.hpp"

#include <vector>

/// What every use case needs around its own work: the options of its transaction, its receipt and its events.
namespace relay {

/// Options of a transaction that writes, with a random operation id in case the body records none.
db::TransactOptions writing(WriteOptions const &options);
/// Options of a transaction that only reads.
db::TransactOptions reading();

/// Notes in `receipt` who ran the transaction, and when.
void note_who(WriteReceipt &receipt, db::Transaction const &transaction);
/// A receipt that says who ran the transaction, and when.
WriteReceipt receipt_of(db::Transaction const &transaction, bool changed);

/// Ends a change that is known by its events: notes who made it, and writes the events. Without events nothing was changed, so the transaction
/// leaves no trace.
void finish(db::Transaction &transaction, WriteReceipt &receipt, Attribution const &by,
            std::vector<sql::NewEvent> const &events);

}  // namespace relay
