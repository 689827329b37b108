#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

namespace relay::sql {

/// A subject, and the block and the revocation in force against it.
struct SubjectStanding {
    Subject subject;
    bool known = false;  ///< the agent, organization or key exists
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<Standing> block{};  ///< the block that lasts longest
    std::optional<Standing> revocation{};  ///< the first revocation
};

/// Returns what is in force against each of `subjects`, at least one and of one kind, in their order. Looks only at the
/// subject itself, not at its agent or organization. Takes no lock.
std::vector<SubjectStanding> look_up(db::Transaction &transaction, std::vector<Subject> const &subjects);

/// Inserts a block or revocation for each of `subjects`, which are of one kind. `until` is for blocks only.
void shut_out(db::Transaction &transaction, std::vector<Subject> const &subjects, StandingKind kind,
              std::optional<Instant> until, Attribution const &by);

/// Lifts the blocks or revocations (`kind`) in force against `subjects`, at least one and of one kind. Returns the
/// subjects for which any was lifted.
db::Pending<std::vector<Subject>> lift(db::Transaction &transaction, std::vector<Subject> const &subjects,
                                       StandingKind kind, Attribution const &by);

/// Returns those of `subjects`, of one kind, that are not blocked or revoked by a row of `kind`. A block must last at
/// least until `until` (none: until it is lifted).
db::Pending<std::vector<Subject>> not_in_force(db::Transaction &transaction, std::vector<Subject> const &subjects,
                                               StandingKind kind, std::optional<Instant> until);
/// Returns those of `subjects`, of one kind, that a row of `kind` still blocks or revokes.
db::Pending<std::vector<Subject>> still_in_force(db::Transaction &transaction, std::vector<Subject> const &subjects,
                                                 StandingKind kind);
/// Returns those of `subjects`, of one kind, for which the functions would answer a gateway otherwise than the rows say.
/// Reads the tables of keys and agents, so it waits if another session has locked one of them.
db::Pending<std::vector<Subject>> answered_contrary(db::Transaction &transaction, std::vector<Subject> const &subjects);

/// Returns every block in force that was made under a ticket.
std::vector<Standing> blocks_under(db::Transaction &transaction, Note const &ticket);
/// Returns true if any block was ever made under the ticket.
bool knows_ticket(db::Transaction &transaction, Note const &ticket);

/// Returns all blocks and revocations in force against any of `subjects`, which may be of different kinds: those
/// without an end come first, then those that end last.
db::Pending<std::vector<Standing>> standing_for(db::Transaction &transaction, std::vector<Subject> const &subjects);

}  // namespace relay::sql
