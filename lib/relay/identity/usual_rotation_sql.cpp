#include "relay/identity/usual_rotation_sql.hpp"

namespace relay::sql {
namespace {

// $4: the grace in seconds; 0: the old key ends now. An expiry that was set on purpose passes to the new key. The
// events are in the same statement as the key, as relay.audit_new_keys demands.
constexpr auto replace_key_sql = R"sql(
WITH old AS (
    SELECT key.key_id, key.expires_at
    FROM relay.key_status AS key
    WHERE key.agent_id = $1 AND key.state = 'active' AND key.status = 'active' AND (key.settle_until > now()) IS NOT TRUE
      AND NOT EXISTS (SELECT FROM relay.agent_keys AS other WHERE other.agent_id = $1 AND other.state IN ('staged', 'retiring'))
), ended AS (
    UPDATE relay.agent_keys AS key
    SET state = CASE WHEN $4::bigint > 0 THEN 'retiring' ELSE 'retired' END,
        retired_at = CASE WHEN $4 > 0 THEN NULL ELSE now() END,
        expires_at = CASE WHEN $4 > 0 THEN least(key.expires_at, now() + make_interval(secs => $4)) ELSE key.expires_at END,
        retire_on_first_use = $4 > 0 AND $5, replaced_by = $2
    FROM old WHERE key.key_id = old.key_id
    RETURNING key.key_id, key.agent_id, key.org_id, old.expires_at
), written AS (
    INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, detail, reason, ticket, actor, trace_id)
    SELECT event.action, ended.org_id, ended.agent_id, event.key_id, event.detail, $7, $8, $6, $9
    FROM ended CROSS JOIN LATERAL (
        VALUES ('key_retired', ended.key_id, NULL),
               ('key_rotated', $2, jsonb_strip_nulls(jsonb_build_object('grace_seconds', $4, 'previous_key_id', ended.key_id,
                                                                   'grace_once_used_seconds', $10::bigint)))
    ) AS event (action, key_id, detail)
    WHERE event.action = 'key_rotated' OR $4 = 0
    RETURNING 1
), issued AS (
    INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, expires_at, created_by)
    SELECT $2, agent.agent_id, agent.org_id, $3::bytea, now() + COALESCE(agent.key_max_age, org.key_max_age), ended.expires_at, $6
    FROM ended JOIN relay.agents AS agent ON agent.agent_id = ended.agent_id
    JOIN relay.organizations AS org ON org.org_id = agent.org_id
    RETURNING 1
)
SELECT ended.key_id, (SELECT count(*) FROM issued) AS keys, (SELECT count(*) FROM written) AS events FROM ended)sql";

}  // namespace

db::Pending<std::optional<KeyId>> replace_live_key(db::Transaction &transaction, RotateKey const &request,
                                                   ApiKey const &new_key, Attribution const &by) {
    std::int64_t const events = request.grace.count() > 0 ? 1 : 2;
    return transaction.ask(
        replace_key_sql,
        {request.agent, new_key.id(), "\\x" + new_key.hash().hex(), request.grace, request.retire_on_first_use,
         by.actor, by.reason, by.ticket, by.trace_id, request.grace_once_used},
        [&transaction, agent = request.agent, events](db::Rows const &rows) -> std::optional<KeyId> {
            if (rows.empty()) {
                return std::nullopt;
            }
            KeyId const replaced = rows[0].id<KeyId>("key_id");
            transaction.require(rows[0].integer("keys") == 1, "the new key of agent " + agent.text(),
                                {"key " + replaced.text() + " may still be live"});
            transaction.require(rows[0].integer("events") == events, "an event of the audit trail (relay.auth_events)");
            return replaced;
        });
}

}  // namespace relay::sql
