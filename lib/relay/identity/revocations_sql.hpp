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

/// Returns what is in force against each of `subjects`, which are of one kind, in their order. Looks only at the
/// subject itself, not at its agent or organization. Takes no lock.
std::vector<SubjectStanding> look_up(db::Transaction &transaction, std::vector<Subject> const &subjects);

/// Inserts a block or revocation for each of `subjects`, which are of one kind. `until` is for blocks only.
void shut_out(db::Transaction &transaction, std::vector<Subject> const &subjects, StandingKind kind,
              std::optional<Instant> until, Attribution const &by);

/// Lifts the blocks or revocations (`kind`) in force against `subjects`, which are of one kind. Returns the subjects
/// for which any was lifted.
std::vector<Subject> lift(db::Transaction &transaction, std::vector<Subject> const &subjects, StandingKind kind,
                          Attribution const &by);

/// Returns every block in force that was made under a ticket.
std::vector<Standing> blocks_under(db::Transaction &transaction, Note const &ticket);
/// Returns true if any block was ever made under the ticket.
bool knows_ticket(db::Transaction &transaction, Note const &ticket);

/// Returns true if the agent or its organization was revoked at or after the start of this transaction. A key made in
/// this transaction would then be dead.
bool revoked_meanwhile(db::Transaction &transaction, AgentId const &agent, OrgId const &org);

/// Returns all blocks and revocations in force against any of `subjects`, which may be of different kinds: those
/// without an end come first, then those that end last.
std::vector<Standing> standing_for(db::Transaction &transaction, std::vector<Subject> const &subjects);

}  // namespace relay::sql
