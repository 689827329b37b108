#pragma once

#include "relay/crypto/key_hash.hpp"
#include "relay/db/transaction.hpp"
#include "relay/legacy/records.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/ids.hpp"

#include <functional>
#include <vector>

/// What issuing keys to agents of the list reads and writes: a batch with each statement.
namespace relay::sql {

/// An agent that is to have its first key; its row of the list is held until the end of the transaction.
struct ToIssue {
    AgentId agent;
    OrgId org;
    std::optional<std::string> owner{};
    std::int64_t wave = 0;
};

/// A place in the queue: behind this agent.
struct QueuePlace {
    std::int64_t wave = 0;
    AgentId agent_id;
};

/// The next of the queue, which other sessions do not hold: listed, without a key of their own, not revoked.
std::vector<ToIssue> take_from_queue(db::Transaction &transaction, std::int64_t migration_id,
                                     std::optional<OrgId> const &org, std::optional<QueuePlace> const &after,
                                     std::int64_t most);
/// Of `agents`, those that are in the queue; waits for those that other sessions hold.
std::vector<ToIssue> take_named(db::Transaction &transaction, std::int64_t migration_id,
                                std::vector<AgentId> const &agents);
/// How long the queue is: without those that are revoked.
std::int64_t queue_length(db::Transaction &transaction, std::int64_t migration_id, std::optional<OrgId> const &org);

/// How named agents stand, as relay.legacy_agent_status says, those of a window before as imported; in their order; none: never imported.
std::vector<std::optional<LegacyAgentState>> legacy_states(db::Transaction &transaction,
                                                           std::vector<AgentId> const &agents);

/// Notes the keys that agents of the list were given by other ways (rotate-key, restore): they need none. Returns how many.
std::size_t adopt_keys(db::Transaction &transaction, std::int64_t migration_id);

/// A page of the keys that agents got since they were imported, in the order of the agents' ids, behind `after` (none: from the first on).
std::vector<IssuedLegacyKey> issued_legacy_keys(db::Transaction &transaction, std::optional<OrgId> const &org,
                                                std::optional<AgentId> const &after, std::int64_t most);

struct NewKey {
    KeyId key_id;
    std::string hash_hex{};
    AgentId agent_id;
    OrgId org_id;  ///< the agent's
};
/// Makes the keys active, notes them on the list, and writes an event for each; `meanwhile` is done while the server works on that.
/// Throws Error (conflict): one of the agents has a key.
void insert_keys(
    db::Transaction &transaction, std::vector<NewKey> const &keys, Attribution const &by,
    std::function<void()> const &meanwhile = [] {});

/// Records all of them as done; the first settles a lost COMMIT.
void record_operations(db::Transaction &transaction, std::vector<OperationId> const &operations);

}  // namespace relay::sql
