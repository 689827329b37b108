#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

namespace relay::sql {

/// An id that somebody wants in or out, and how it stands.
struct Subject {
    std::string id{};
    bool known = false;  ///< there is such an agent, org or key
    std::optional<std::string> org_id{};
    std::optional<std::string> agent_id{};
    std::optional<Standing> block{};  ///< the one that lasts longest
    std::optional<Standing> revocation{};  ///< the first
};

/// How `ids` of one kind ("agent", "org", "key") stand by themselves; in their order. Takes no lock.
std::vector<Subject> look_up(db::Transaction &transaction, std::string const &kind,
                             std::vector<std::string> const &ids);

/// Inserts a block or revocation for each of `ids`. `until` for blocks only.
void shut_out(db::Transaction &transaction, std::string const &subject_kind, std::vector<std::string> const &ids,
              std::string const &kind, std::optional<Instant> until, Attribution const &by);

/// Lifts what stands, of `kind`, for each of `ids`. Returns the ids for which anything was lifted.
std::vector<std::string> lift(db::Transaction &transaction, std::string const &subject_kind,
                              std::vector<std::string> const &ids, std::string const &kind, Attribution const &by);

/// Subjects (kind and id) of every block that was made under a ticket and still stands.
std::vector<Standing> blocks_under(db::Transaction &transaction, Note const &ticket);
/// True if any block, standing or not, was made under the ticket.
bool knows_ticket(db::Transaction &transaction, Note const &ticket);

/// True if there is a revocation of the agent or its organization that is not earlier than this transaction's start: a key made now would be dead.
bool revoked_meanwhile(db::Transaction &transaction, AgentId const &agent, OrgId const &org);

/// What stands for any of these ids, as agent, org or key; latest first.
std::vector<Standing> standing_for(db::Transaction &transaction, std::vector<std::string> const &agent_ids,
                                   std::vector<std::string> const &org_ids, std::vector<std::string> const &key_ids);

}  // namespace relay::sql
