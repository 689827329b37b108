#pragma once

#include "relay/incident/incident.hpp"

#include <functional>

namespace relay {

/// How much of an effect is read back. `rows`: what the tables and views of relay.revocations hold. `answers`: also
/// whether gateways would be answered so, which waits for whoever has locked the tables of keys and agents. With `rows`,
/// a block does not wait for them either: it looks its subjects up only if their table is free.
enum class ReadBack { rows, answers };

/// "agent X may still be live" for each subject, if it cannot be confirmed that it is blocked or revoked
/// (`in_force`), or that it is so no longer.
std::vector<std::string> doubts_about(std::vector<Subject> const &subjects, StandingKind kind, bool in_force);

/// Asks, in a transaction after the COMMIT, which of `subjects` are not as they were when it was sent: blocked or revoked
/// by a row of `kind`, or (`in_force` false) no longer. The result takes the time until which a block must last at least.
std::function<std::vector<Subject>(std::optional<Instant> const &)> ask_committed(db::Transaction &transaction,
                                                                                  std::vector<Subject> const &subjects,
                                                                                  StandingKind kind, bool in_force);

/// Throws Error (schema; the transaction is committed) if some items of the receipt are in `wrong`.
void refuse_without_effect(IncidentReceipt const &receipt, std::vector<Subject> const &wrong, StandingKind kind,
                           bool in_force);

/// Reads the effect of `receipt` back once more, after its COMMIT: a deferred trigger that was made by hand can undo
/// it there. `in_force`: its items are blocked or revoked (`kind`); else they are so no longer. If that cannot be read,
/// `receipt.unread` says why. Throws Error (schema; the transaction is committed).
void confirm_committed(db::Database &database, IncidentReceipt &receipt, StandingKind kind, bool in_force);

}  // namespace relay
