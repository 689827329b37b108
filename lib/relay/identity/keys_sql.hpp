#pragma once

#include "relay/crypto/key_hash.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/ids.hpp"

namespace relay::sql {

/// Inserts an agent's new active key; it is due after the agent's or its organization's key_max_age. Returns it as it now is.
Key insert_key(db::Transaction &transaction, KeyId const &id, KeyHash const &hash, AgentId const &agent,
               std::optional<Instant> expires_at, Note const &created_by);

std::optional<Key> find_key(db::Transaction &transaction, KeyId const &id);
/// As find_key; throws Error (not_found).
Key get_key(db::Transaction &transaction, KeyId const &id);

/// Whose a key or an org's admin token is, told by the hash of the whole key: a key id alone is public and proves nothing.
struct Owner {
    SecretKind kind = SecretKind::key;
    OrgId org_id;
    std::optional<AgentId> agent_id{};
};
std::optional<Owner> identify(db::Transaction &transaction, KeyId const &id, KeyHash const &hash);

/// The agent's keys whose row says active or retiring: at most one of each.
struct CurrentKeys {
    std::optional<Key> active{};
    std::optional<Key> retiring{};
};
CurrentKeys current_keys(db::Transaction &transaction, AgentId const &agent);

/// The active key becomes retiring: accepted until the earlier of its own expiry and now + grace.
void start_grace(db::Transaction &transaction, KeyId const &key_id, KeyId const &replaced_by,
                 std::chrono::seconds grace, bool retire_on_first_use);
/// Takes start_grace back; the key's expiry becomes `expires_at`.
void end_grace_as_active(db::Transaction &transaction, KeyId const &key_id, std::optional<Instant> expires_at);
/// Ends a key: its row says retired from now on.
void retire(db::Transaction &transaction, KeyId const &key_id, std::optional<KeyId> const &replaced_by = std::nullopt);
/// Writes into the rows what a revocation decided: every key of the agent that is active or retiring becomes revoked. Returns their ids.
std::vector<KeyId> mark_revoked(db::Transaction &transaction, AgentId const &agent);

struct KeyFilter {
    std::optional<AgentId> agent{};
    std::optional<OrgId> org{};
    std::optional<KeyStatus> status{};
    std::optional<std::string> after{};
    std::optional<std::int64_t> limit{};
};
/// In order of id.
std::vector<Key> list_keys(db::Transaction &transaction, KeyFilter const &filter);
/// Newest first.
std::vector<Key> keys_of_agent(db::Transaction &transaction, AgentId const &agent);

/// The address that an agent was last seen from, if a gateway told it.
std::optional<std::string> last_address(db::Transaction &transaction, AgentId const &agent);

/// What a gateway would answer; all but `reason` may be absent.
struct Answer {
    bool ok = false;
    KeyVerdict reason = KeyVerdict::unknown_key;
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<Instant> expires_at{};
};
Answer verify_key(db::Transaction &transaction, KeyId const &id, KeyDigest const &digest,
                  std::optional<AgentId> const &agent);

/// False in a database without our schema.
bool has_key_table(db::Transaction &transaction);

}  // namespace relay::sql
