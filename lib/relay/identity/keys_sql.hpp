#pragma once

#include "relay/crypto/key_hash.hpp"
#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/identity/which_agents.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/ip_range.hpp"

namespace relay::sql {

/// Inserts the next active key of an agent, which must have none. It is due after the agent's key_max_age, or its
/// organization's. The result throws Error (schema) if no row was inserted, as while another key is active.
db::Pending<Key> insert_key(db::Transaction &transaction, KeyId const &id, KeyHash const &hash, AgentId const &agent,
                            std::optional<Instant> expires_at, Note const &created_by);

db::Pending<std::optional<Key>> ask_key(db::Transaction &transaction, KeyId const &id);
/// Returns the agent's key that `replaced_by` has replaced.
db::Pending<std::optional<Key>> ask_replaced_key(db::Transaction &transaction, AgentId const &agent,
                                                 KeyId const &replaced_by);
std::optional<Key> find_key(db::Transaction &transaction, KeyId const &id);
/// As find_key; throws Error (not_found).
Key get_key(db::Transaction &transaction, KeyId const &id);

/// The owner of a key or of an organization's admin token.
struct Owner {
    SecretKind kind = SecretKind::key;
    OrgId org_id;
    std::optional<AgentId> agent_id{};
};
/// Returns the owner of a key or an organization's admin token. Compares the hash of the whole key, because a key id
/// is public and proves nothing.
db::Pending<std::optional<Owner>> ask_owner(db::Transaction &transaction, KeyId const &id, KeyHash const &hash);
std::optional<Owner> identify(db::Transaction &transaction, KeyId const &id, KeyHash const &hash);

/// Returns how many of these new keys exist as they were made: with that hash (in hexadecimal), agent, and state.
db::Pending<std::int64_t> count_keys_as_made(db::Transaction &transaction, std::vector<KeyId> const &ids,
                                             std::vector<std::string> const &hashes, std::vector<AgentId> const &agents,
                                             KeyState state = KeyState::active);
/// Reads a new key back (Transaction::confirm).
void confirm_new_key(db::Transaction &transaction, KeyId const &id, KeyHash const &hash, AgentId const &agent,
                     KeyState state = KeyState::active, std::vector<std::string> doubts = {});

/// The agent's keys whose state is active, staged or retiring; each list in the order in which they were made.
struct CurrentKeys {
    std::optional<Key> active{};
    std::vector<Key> staged{};
    std::vector<Key> retiring{};
};
db::Pending<CurrentKeys> ask_current_keys(db::Transaction &transaction, AgentId const &agent);
CurrentKeys current_keys(db::Transaction &transaction, AgentId const &agent);

/// Makes a key active again that was replaced; its expiry becomes `expires_at`.
void end_grace_as_active(db::Transaction &transaction, KeyId const &key_id, std::optional<Instant> expires_at);
/// Ends a key: its state becomes retired.
void retire(db::Transaction &transaction, KeyId const &key_id, std::optional<KeyId> const &replaced_by = std::nullopt);
/// Marks the agent's active, staged and retiring keys as revoked, so that their rows say what a revocation has decided.
void mark_revoked(db::Transaction &transaction, AgentId const &agent);

struct KeyFilter {
    std::optional<AgentId> agent{};
    std::optional<OrgId> org{};
    std::optional<KeyStatus> status{};
    bool live_only = false;  ///< only keys that gateways accept, ignoring blocks
    bool newest_first = false;  ///< instead of by id; not with an order
    std::optional<std::chrono::seconds> older_than{};
    bool never_used = false;
    std::optional<std::chrono::seconds> unused_for{};
    WhichAgents which{};
    std::optional<std::string> after{};
    std::vector<SortField> sort{};
    std::optional<std::int64_t> limit{};
};
/// Returns the fields that keys can be sorted by.
std::vector<std::string> key_sort_fields();
/// Returns keys in order of `sort`, then of id.
db::Stream<Key> list_keys(db::Transaction &transaction, KeyFilter const &filter);
/// Returns all keys of an agent, newest first.
db::Pending<std::vector<Key>> keys_of_agent(db::Transaction &transaction, AgentId const &agent);

/// Returns the address that an agent last called from, if a gateway reported it.
db::Pending<std::optional<std::string>> last_address(db::Transaction &transaction, AgentId const &agent);

/// A gateway's answer about a key. Which optional fields are set depends on `reason`.
struct Answer {
    bool ok = false;
    KeyVerdict reason = KeyVerdict::unknown_key;
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<Instant> expires_at{};
};
/// `address`: where a call would come from; none: not asked about.
Answer verify_key(db::Transaction &transaction, KeyId const &id, KeyDigest const &digest,
                  std::optional<AgentId> const &agent, std::optional<IpRange> const &address);

/// Returns false if the database has no relay schema.
bool has_key_table(db::Transaction &transaction);

}  // namespace relay::sql
