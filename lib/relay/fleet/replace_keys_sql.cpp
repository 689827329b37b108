#include "relay/fleet/replace_keys_sql.hpp"

#include "relay/db/database.hpp"
#include "relay/db/list_text.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/revocations_sql.hpp"

namespace relay::sql {
namespace {

// $4: the grace in seconds; 0: the old keys end now. $10: when the new keys end; null: as those that they replace, because an expiry that
// was set on purpose passes on. The events are in the same statement as the keys, as relay.audit_new_keys demands.
constexpr auto replace_sql = R"sql(
WITH new AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS new (key_id, hash, agent_id)
), old AS (
    SELECT key.key_id, key.expires_at, new.key_id AS new_id, new.hash
    FROM new CROSS JOIN LATERAL (
        SELECT key.key_id, key.expires_at FROM relay.key_status AS key
        WHERE key.agent_id = new.agent_id COLLATE "C" AND key.state = 'active' AND key.status = 'active' OFFSET 0) AS key
), ended AS (
    UPDATE relay.agent_keys AS key
    SET state = CASE WHEN $4::bigint > 0 THEN 'retiring' ELSE 'retired' END,
        retired_at = CASE WHEN $4 > 0 THEN NULL ELSE now() END,
        expires_at = CASE WHEN $4 > 0 THEN least(key.expires_at, now() + make_interval(secs => $4)) ELSE key.expires_at END,
        retire_on_first_use = $4 > 0 AND $5, replaced_by = old.new_id
    FROM old WHERE key.key_id = old.key_id
    RETURNING key.key_id, key.agent_id, key.org_id, old.expires_at, old.new_id, old.hash
), gone AS (
    SELECT key.key_id FROM new CROSS JOIN LATERAL (
        SELECT key.key_id FROM relay.agent_keys AS key
        WHERE key.agent_id = new.agent_id COLLATE "C" AND key.state = 'retiring' AND key.expires_at <= now() OFFSET 0) AS key
), over AS (
    UPDATE relay.agent_keys AS key SET state = 'retired', retired_at = now()
    FROM gone WHERE key.key_id = gone.key_id
    RETURNING key.key_id, key.agent_id, key.org_id
), written AS (
    INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, detail, reason, ticket, actor, trace_id)
    SELECT event.action, event.org_id, event.agent_id, event.key_id, event.detail, $7, $8, $6, $9
    FROM (SELECT 'key_rotated' AS action, ended.org_id, ended.agent_id, ended.new_id AS key_id,
                 jsonb_build_object('grace_seconds', $4, 'previous_key_id', ended.key_id) AS detail FROM ended
          UNION ALL SELECT 'key_retired', ended.org_id, ended.agent_id, ended.key_id, NULL FROM ended WHERE $4 = 0
          UNION ALL SELECT 'key_retired', over.org_id, over.agent_id, over.key_id, NULL FROM over) AS event
    RETURNING 1
), issued AS (
    INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, expires_at, created_by)
    SELECT ended.new_id, agent.agent_id, agent.org_id, decode(ended.hash, 'hex'), now() + COALESCE(agent.key_max_age, org.key_max_age),
           COALESCE($10::timestamptz, ended.expires_at), $6
    FROM ended JOIN relay.agents AS agent ON agent.agent_id = ended.agent_id
    JOIN relay.organizations AS org ON org.org_id = agent.org_id
    RETURNING 1
)
SELECT (SELECT count(*) FROM issued) AS keys, (SELECT count(*) FROM written) AS events, (SELECT count(*) FROM over) AS over)sql";

constexpr auto replaced_sql = R"sql(
SELECT new.key_id, old.key_id AS old_id, old.state = 'retired' AS ended, old.expires_at,
       (SELECT key.status FROM relay.key_status AS key WHERE key.key_id = new.key_id COLLATE "C") AS status
FROM unnest($1::text[], $2::text[]) AS new (key_id, agent_id)
CROSS JOIN LATERAL (
    SELECT key.key_id, key.state, key.expires_at FROM relay.agent_keys AS key
    WHERE key.agent_id = new.agent_id COLLATE "C" AND key.replaced_by = new.key_id COLLATE "C"
      AND CASE WHEN $3::bigint = 0 THEN key.state = 'retired'
               ELSE key.state = 'retiring' AND key.expires_at <= now() + make_interval(secs => $3) AND key.retire_on_first_use = $4 END
    LIMIT 1) AS old)sql";

}  // namespace

void replace_keys_of_agents(db::Transaction &transaction, std::vector<NewKey> const &keys, RotateFleet const &request,
                            Attribution const &by) {
    NewKeyColumns const columns(keys);
    find_rows_by_key(transaction);
    transaction.send(
        replace_sql,
        {db::array_text(columns.ids), db::array_text(columns.hashes), db::array_text(columns.agents), request.grace,
         request.retire_on_first_use, by.actor, by.reason, by.ticket, by.trace_id, request.expires_at},
        [&transaction, all = static_cast<std::int64_t>(keys.size()),
         ends_now = request.grace.count() == 0](db::Rows const &rows) {
            if (rows.one().integer("keys") < all) {
                throw db::RunAgain();  // an agent was revoked since it was locked
            }
            std::int64_t const events = all * (ends_now ? 2 : 1) + rows.one().integer("over");
            transaction.require(rows.one().integer("events") == events,
                                "an event of the audit trail (relay.auth_events)");
        });
}

db::Pending<std::map<KeyId, ReplacedKey>> ask_replaced_keys(db::Transaction &transaction,
                                                            std::vector<NewKey> const &keys,
                                                            RotateFleet const &request) {
    NewKeyColumns const columns(keys);
    auto const all = static_cast<std::int64_t>(keys.size());
    auto const there = count_keys_as_made(transaction, columns.ids, columns.hashes, columns.agents);
    auto const contrary = answered_contrary(transaction, {columns.ids.begin(), columns.ids.end()});
    return transaction.ask(
        replaced_sql,
        {db::array_text(columns.ids), db::array_text(columns.agents), request.grace, request.retire_on_first_use},
        [=, &transaction](db::Rows const &rows) {
            transaction.require(there.get() == all && contrary.get().empty(), "a new key of this batch");
            std::map<KeyId, ReplacedKey> replaced;
            for (db::Row const row : rows) {
                if (row.value<KeyStatus>("status") == KeyStatus::revoked) {
                    throw db::RunAgain();
                }
                replaced.emplace(row.id<KeyId>("key_id"),
                                 ReplacedKey{.key_id = row.id<KeyId>("old_id"),
                                             .works_until = row.boolean("ended") ? std::nullopt
                                                                                 : row.optional_instant("expires_at")});
            }
            transaction.require(replaced.size() == static_cast<std::size_t>(all), "the end of an old key of this batch",
                                {"an old key of this batch may still be live"});
            return replaced;
        });
}

}  // namespace relay::sql
