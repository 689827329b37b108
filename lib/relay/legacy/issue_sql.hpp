#pragma once

#include "relay/crypto/key_hash.hpp"
#include "relay/db/transaction.hpp"
#include "relay/fleet/new_keys_sql.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/legacy/issue.hpp"
#include "relay/legacy/records.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/ids.hpp"

#include <functional>
#include <map>
#include <vector>

/// The statements that issue keys to agents of the list; each works on a whole batch.
namespace relay::sql {

/// An agent that will get its first key; its row in the list is locked until the end of the transaction.
struct ToIssue {
    AgentId agent;
    OrgId org;
    std::optional<std::string> owner{};
    std::int64_t wave = 0;
};

/// A place in the queue: after this agent.
struct QueuePlace {
    std::int64_t wave = 0;
    AgentId agent_id;
};

/// Returns and locks the next agents of the queue: listed, without a key, not revoked. Skips those that other
/// sessions have locked.
std::vector<ToIssue> take_from_queue(db::Transaction &transaction, std::int64_t migration_id,
                                     std::optional<OrgId> const &org, std::optional<QueuePlace> const &after,
                                     std::int64_t most);
/// Returns and locks those of `agents` that are in the queue. Waits for those that other sessions have locked.
std::vector<ToIssue> take_named(db::Transaction &transaction, std::int64_t migration_id,
                                std::vector<AgentId> const &agents);
/// Returns the length of the queue, without revoked agents.
std::int64_t queue_length(db::Transaction &transaction, std::int64_t migration_id, std::optional<OrgId> const &org);

/// Returns the state of each of `agents`, in their order, as in relay.legacy_agent_status: an agent of an earlier
/// window counts as imported. None: it was never imported.
std::vector<std::optional<LegacyAgentState>> legacy_states(db::Transaction &transaction,
                                                           std::vector<AgentId> const &agents);

/// Returns those of `agents` to which a key is being delivered, and when that ends at the latest.
std::map<AgentId, Instant> deliveries_of(db::Transaction &transaction, std::vector<AgentId> const &agents);
/// Returns how many agents of the queue wait because a key is being delivered to them.
InDelivery queue_in_delivery(db::Transaction &transaction, std::int64_t migration_id, std::optional<OrgId> const &org);

/// Records the keys that agents of the list got in other ways (rotate-key, restore), because they need no other.
/// Returns how many.
std::size_t adopt_keys(db::Transaction &transaction, std::int64_t migration_id);

/// Returns how many agents of the list have such a key that is not noted yet.
std::int64_t adoptable_keys(db::Transaction &transaction, std::int64_t migration_id);

/// Returns a page of the keys that agents got since they were imported, in order of agent id, after `after` (none:
/// from the start).
std::vector<IssuedLegacyKey> issued_legacy_keys(db::Transaction &transaction, std::optional<OrgId> const &org,
                                                std::optional<AgentId> const &after, std::int64_t most);

/// Inserts the keys as active, records them in the list, and writes an event for each. The transaction fails with Error
/// (conflict) if one of the agents has a key.
void insert_keys(db::Transaction &transaction, std::vector<NewKey> const &keys, Attribution const &by);

/// Returns true if each of them exists as it was made, and is noted on the list.
db::Pending<bool> issued_as_made(db::Transaction &transaction, std::vector<NewKey> const &keys);

/// Inserts the keys as staged, and writes an event for each. The list does not change until note_issued. The transaction
/// fails with Error (conflict) if one of the agents has too many staged keys.
void stage_keys(db::Transaction &transaction, std::vector<NewKey> const &keys, Staging const &staging,
                Attribution const &by);
/// Returns true if each of them exists as it was made.
bool are_staged_as_made(db::Transaction &transaction, std::vector<NewKey> const &keys);
/// Records in the list that the agent has got this key, unless another one is recorded.
void note_issued(db::Transaction &transaction, AgentId const &agent, KeyId const &key);

}  // namespace relay::sql
