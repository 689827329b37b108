#include "relay/identity/public_keys_sql.hpp"

#include "relay/crypto/key_hash.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>

namespace relay::sql {
namespace {

constexpr auto find_public_key_sql = "SELECT relay.find_public_key($1::bytea) AS key_id";

constexpr auto stage_public_key_sql = R"sql(
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, hash_algorithm, state, expires_at, created_by, deliver_until, settle_until,
                              confirm_grace)
SELECT $1, agent.agent_id, agent.org_id, $2::bytea, 'ed25519', 'staged', $4::timestamptz, $5, now(), now(), make_interval(secs => $6)
FROM relay.agents AS agent WHERE agent.agent_id = $3)sql";

std::string bytea(VerifyingKey const &key) { return "\\x" + KeyHash{{key.bytes()}}.hex(); }

}  // namespace

std::optional<KeyId> find_public_key(db::Transaction &transaction, VerifyingKey const &key) {
    return transaction.exec(find_public_key_sql, {bytea(key)}).one().optional_id<KeyId>("key_id");
}

void stage_public_key(db::Transaction &transaction, KeyId const &id, VerifyingKey const &key, AgentId const &agent,
                      std::optional<Instant> expires_at, std::chrono::seconds grace, Note const &created_by) {
    transaction.send(stage_public_key_sql, {id, bytea(key), agent, expires_at, created_by, grace},
                     [&transaction, agent](db::Rows const &rows) {
                         transaction.require(rows.affected() == 1, "the new key of agent " + agent.text());
                     });
}

void refuse_known_public_key(db::Transaction &transaction, VerifyingKey const &key,
                             std::optional<AgentId> const &same) {
    auto const id = find_public_key(transaction, key);
    if (!id) {
        return;
    }
    Key const known = get_key(transaction, *id);
    if (same == known.agent_id) {
        return;
    }
    throw Error(ErrorKind::conflict,
                fmt::format("this public key is key {} of agent {}, which is {}; nothing was changed", known.key_id,
                            known.agent_id, known.status),
                {.why = "a public key is registered once: otherwise one that was revoked could come back",
                 .next = advise(Act::show_agent, known.agent_id).also("let the agent make another pair")});
}

}  // namespace relay::sql
