#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

namespace relay::sql {

/// A subject that somebody wants in or out, and how it stands.
struct SubjectStanding {
    Subject subject;
    bool known = false;  ///< there is such an agent, org or key
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<Standing> block{};  ///< the one that lasts longest
    std::optional<Standing> revocation{};  ///< the first
};

/// How subjects of one kind stand by themselves; in their order. Takes no lock.
std::vector<SubjectStanding> look_up(db::Transaction &transaction, std::vector<Subject> const &subjects);

/// Inserts a block or revocation for each of `subjects`, of one kind. `until` for blocks only.
void shut_out(db::Transaction &transaction, std::vector<Subject> const &subjects, StandingKind kind,
              std::optional<Instant> until, Attribution const &by);

/// Lifts what stands, of `kind`, for each of `subjects`, of one kind. Returns those for which anything was lifted.
std::vector<Subject> lift(db::Transaction &transaction, std::vector<Subject> const &subjects, StandingKind kind,
                          Attribution const &by);

/// Every block that was made under a ticket and still stands.
std::vector<Standing> blocks_under(db::Transaction &transaction, Note const &ticket);
/// True if any block, standing or not, was made under the ticket.
bool knows_ticket(db::Transaction &transaction, Note const &ticket);

/// True if there is a revocation of the agent or its organization that is not earlier than this transaction's start: a key made now would be dead.
bool revoked_meanwhile(db::Transaction &transaction, AgentId const &agent, OrgId const &org);

/// What stands against any of `subjects`, of whatever kinds; latest first.
std::vector<Standing> standing_for(db::Transaction &transaction, std::vector<Subject> const &subjects);

}  // namespace relay::sql
