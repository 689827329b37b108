#pragma once

#include "relay/incident/incident.hpp"

namespace relay {

/// How much of an effect is read back. `rows`: what the tables and views of relay.revocations hold. `answers`: also
/// whether gateways would be answered so, which waits for whoever has locked the tables of keys and agents.
enum class ReadBack { rows, answers };

/// Reads back that each item without an error is blocked or revoked (`kind`), a block until `until` at least, and notes
/// the row in `standing`. Throws Error (schema): one is not, and may still be live.
void confirm_shut_out(db::Transaction &transaction, std::vector<IncidentItem> &items, StandingKind kind,
                      std::optional<Instant> until, ReadBack depth);

/// Reads back that no item is blocked or revoked (`kind`) any longer. Throws Error (schema): one is.
void confirm_lifted(db::Transaction &transaction, std::vector<IncidentItem> const &items, StandingKind kind,
                    ReadBack depth);

/// Reads the effect of `receipt` back once more, after its COMMIT: a deferred trigger that was made by hand can undo
/// it there. `in_force`: its items are blocked or revoked (`kind`); else they are so no longer. If that cannot be read,
/// `receipt.unread` says why. Throws Error (schema; the transaction is committed).
void confirm_committed(db::Database &database, IncidentReceipt &receipt, StandingKind kind, bool in_force);

}  // namespace relay
