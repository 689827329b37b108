#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

namespace relay::sql {

/// How long a subject is blocked or revoked.
struct Term {
    Subject subject;
    std::optional<Instant> until{};  ///< none: until it is lifted
};
/// Returns the blocks or revocations (`kind`) against `subjects`, of one kind, that were not lifted, from the table itself:
/// those in force, or also blocks whose time is over.
db::Pending<std::vector<Term>> unlifted_terms(db::Transaction &transaction, std::vector<Subject> const &subjects,
                                              StandingKind kind, bool ended_too);
/// Returns those of `subjects`, of one kind, for which the functions would answer a gateway otherwise than the rows say.
/// Reads the tables of keys and agents, so it waits if another session has locked one of them.
db::Pending<std::vector<Subject>> answered_contrary(db::Transaction &transaction, std::vector<Subject> const &subjects);

/// Returns every block, or every revocation, in force that was made under a ticket.
std::vector<Standing> standing_under(db::Transaction &transaction, std::string const &ticket, StandingKind kind);
/// Returns true if any was ever made under the ticket.
bool knows_ticket(db::Transaction &transaction, std::string const &ticket, StandingKind kind);

/// Returns all blocks and revocations in force against any of `subjects`, which may be of different kinds: those
/// without an end come first, then those that end last.
db::Pending<std::vector<Standing>> standing_for(db::Transaction &transaction, std::vector<Subject> const &subjects);

/// The same against an agent and its organization.
db::Pending<std::vector<Standing>> standing_for_agent(db::Transaction &transaction, AgentId const &agent);

/// Reads the id of a subject from a column.
Subject read_subject(db::Row const &row, SubjectKind kind, char const *column);

}  // namespace relay::sql
