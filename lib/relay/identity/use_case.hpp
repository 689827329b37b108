#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/model/attribution.hpp"

#include <vector>

/// What every use case needs around its own work: the options of its transaction, its receipt and its events.
///
/// A use case is the whole effect of one command, and one transaction (or one per batch). It learns the effect inside
/// that transaction and returns it in a receipt, with the database's time and role, so "done" is said only of what
/// the database holds. Every change writes its audit events in the same transaction. A use case that finds nothing to
/// change calls nothing_to_do() and leaves no trace.
namespace relay {

/// Returns options for a transaction that writes, with a random operation id in case the body records none.
db::TransactOptions writing(WriteOptions const &options);
/// Returns options for a transaction that only reads.
db::TransactOptions reading();

/// Sets the role and time of `receipt` from the transaction.
void note_who(WriteReceipt &receipt, db::Transaction const &transaction);
/// Returns a receipt with the role and time of the transaction.
WriteReceipt receipt_of(db::Transaction const &transaction, bool changed);

/// Ends a change that its events describe: fills the receipt and writes the events. Without events nothing was
/// changed, and the transaction leaves no trace.
void finish(db::Transaction &transaction, WriteReceipt &receipt, Attribution const &by,
            std::vector<sql::NewEvent> const &events);

}  // namespace relay
