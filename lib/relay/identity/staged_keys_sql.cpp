#include "relay/identity/staged_keys_sql.hpp"

#include "relay/db/list_text.hpp"

namespace relay::sql {
namespace {

constexpr auto stage_sql = R"sql(
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, state, due_at, expires_at, created_by, deliver_until, settle_until)
SELECT $1, agent.agent_id, agent.org_id, $2::bytea, 'staged', now() + COALESCE(agent.key_max_age, org.key_max_age), $4::timestamptz, $5,
       clock.reading + make_interval(secs => $6), clock.reading + make_interval(secs => $6) + make_interval(secs => $7)
FROM relay.agents AS agent JOIN relay.organizations AS org ON org.org_id = agent.org_id
CROSS JOIN (SELECT clock_timestamp() AS reading OFFSET 0) AS clock
WHERE agent.agent_id = $3)sql";

constexpr auto stage_again_sql = R"sql(
UPDATE relay.agent_keys AS key
SET replaced_by = NULL, first_used_at = NULL, deliver_until = clock.reading + make_interval(secs => $2),
    settle_until = clock.reading + make_interval(secs => $2) + make_interval(secs => $3)
FROM (SELECT clock_timestamp() AS reading OFFSET 0) AS clock
WHERE key.key_id = $1 AND key.state = 'staged')sql";

// $3: when the successor was staged. $4: until when the store may still take it. A key in grace was replaced by another one,
// which the store may still take, too.
constexpr auto replace_sql = R"sql(
UPDATE relay.agent_keys AS key
SET state = fate.state,
    replaced_by = CASE WHEN key.state = 'retiring' THEN key.replaced_by WHEN fate.state = 'revoked' THEN NULL ELSE $2 END,
    retired_at = CASE WHEN fate.state = 'retired' THEN now() END,
    revoked_at = CASE WHEN fate.state = 'revoked' THEN now() END,
    expires_at = CASE WHEN fate.state = 'retiring' THEN least(key.expires_at, fate.works_until) ELSE key.expires_at END,
    retire_on_first_use = fate.state = 'retiring' AND CASE WHEN key.state = 'retiring' THEN key.retire_on_first_use ELSE $6 END
FROM relay.key_status AS old
CROSS JOIN LATERAL (
    SELECT greatest(now() + CASE WHEN old.state = 'retiring' THEN interval '0' ELSE make_interval(secs => $5) END, $4::timestamptz,
                    CASE WHEN old.state = 'retiring'
                         THEN (SELECT by.settle_until FROM relay.agent_keys AS by WHERE by.key_id = old.replaced_by) END)
               AS works_until OFFSET 0) AS least_end
CROSS JOIN LATERAL (
    SELECT least_end.works_until,
           CASE WHEN old.status = 'revoked' THEN 'revoked'
                WHEN old.status = 'expired' THEN 'retired'
                WHEN old.state <> 'retiring' AND old.settle_until > COALESCE($3::timestamptz, now()) THEN 'staged'
                WHEN least_end.works_until <= now() THEN 'retired'
                ELSE 'retiring' END AS state OFFSET 0) AS fate
WHERE key.agent_id = $1 AND key.state IN ('staged', 'active', 'retiring') AND old.key_id = key.key_id AND key.key_id <> $2
  AND ($7::bigint IS NULL OR key.made_order < $7)
  AND (key.state <> 'retiring' OR $8::boolean OR fate.state = 'revoked' OR old.status = 'expired')
RETURNING key.key_id, old.state AS before, fate.state AS after, key.expires_at IS DISTINCT FROM old.expires_at AS ends_sooner)sql";

constexpr auto replace_one_sql = R"sql(
UPDATE relay.agent_keys
SET state = $3, replaced_by = $2, retired_at = CASE WHEN $3 = 'retired' THEN now() END,
    expires_at = CASE WHEN $3 = 'retiring' THEN least(expires_at, now() + make_interval(secs => $4)) ELSE expires_at END
WHERE key_id = $1 AND state = 'active')sql";

constexpr auto sooner_sql = R"sql(
UPDATE relay.agent_keys AS key
SET state = CASE WHEN fate.ends_at <= now() THEN 'retired' ELSE 'retiring' END,
    retired_at = CASE WHEN fate.ends_at <= now() THEN now() END,
    expires_at = CASE WHEN fate.ends_at <= now() THEN key.expires_at ELSE fate.ends_at END
FROM relay.agent_keys AS new
CROSS JOIN LATERAL (SELECT greatest(now() + make_interval(secs => $2), new.settle_until) AS ends_at OFFSET 0) AS fate
WHERE new.key_id = $1 AND key.agent_id = new.agent_id AND key.replaced_by = new.key_id AND key.state = 'retiring'
  AND key.expires_at > fate.ends_at
RETURNING key.key_id, key.state AS after)sql";

constexpr auto activate_sql = R"sql(
UPDATE relay.agent_keys SET state = 'active', replaced_by = NULL WHERE key_id = $1 AND state = 'staged')sql";

constexpr auto void_proofs_sql = R"sql(
UPDATE relay.agent_keys SET replaced_by = $2 WHERE agent_id = $1 AND state = 'staged' AND key_id <> $2)sql";

constexpr auto full_sql = R"sql(
SELECT key.agent_id FROM relay.key_status AS key
WHERE key.agent_id = ANY ($1::text[] COLLATE "C") AND key.status = 'staged'
  AND key.made_order > COALESCE((SELECT active.made_order FROM relay.agent_keys AS active
                                 WHERE active.agent_id = key.agent_id AND active.state = 'active'), 0)
GROUP BY key.agent_id HAVING count(*) >= relay.staged_limit())sql";

void require_one(db::Transaction &transaction, db::Rows const &rows, std::string const &what) {
    transaction.require(rows.affected() == 1, what);
}

}  // namespace

void stage_key(db::Transaction &transaction, KeyId const &id, KeyHash const &hash, AgentId const &agent,
               std::optional<Instant> expires_at, Staging const &staging, Note const &created_by) {
    transaction.send(stage_sql,
                     {id, "\\x" + hash.hex(), agent, expires_at, created_by, staging.timeout, staging.settle},
                     [&transaction, agent](db::Rows const &rows) {
                         require_one(transaction, rows, "the new key of agent " + agent.text());
                     });
}

void stage_key_again(db::Transaction &transaction, KeyId const &id, Staging const &staging) {
    transaction.send(stage_again_sql, {id, staging.timeout, staging.settle}, [&transaction, id](db::Rows const &rows) {
        require_one(transaction, rows, "the change of key " + id.text());
    });
}

db::Pending<std::vector<Replaced>> replace_earlier_keys(db::Transaction &transaction, AgentId const &agent,
                                                        Successor const &successor, EndOfOld const &end) {
    return transaction.ask(replace_sql,
                           {agent, successor.id, successor.staged_at, successor.settle_until, end.grace,
                            end.retire_on_first_use, successor.made_order, end.ends_others},
                           [](db::Rows const &rows) {
                               std::vector<Replaced> replaced;
                               for (db::Row const row : rows) {
                                   replaced.push_back({.key_id = row.id<KeyId>("key_id"),
                                                       .before = row.value<KeyState>("before"),
                                                       .after = row.value<KeyState>("after"),
                                                       .ends_sooner = row.boolean("ends_sooner")});
                               }
                               return replaced;
                           });
}

void replace_key(db::Transaction &transaction, KeyId const &active, KeyId const &by, KeyState fate,
                 std::chrono::seconds grace) {
    transaction.send(replace_one_sql, {active, by, fate, grace}, [&transaction, active](db::Rows const &rows) {
        require_one(transaction, rows, "the change of key " + active.text());
    });
}

std::set<AgentId> agents_full_of_staged_keys(db::Transaction &transaction, std::vector<AgentId> const &agents) {
    std::set<AgentId> full;
    db::Rows const rows = transaction.exec(full_sql, {db::array_text(agents)});
    for (db::Row const row : rows) {
        full.insert(row.id<AgentId>("agent_id"));
    }
    return full;
}

std::vector<Replaced> end_grace_sooner(db::Transaction &transaction, KeyId const &successor,
                                       std::chrono::seconds grace) {
    std::vector<Replaced> changed;
    db::Rows const rows = transaction.exec(sooner_sql, {successor, grace});
    for (db::Row const row : rows) {
        changed.push_back(
            {.key_id = row.id<KeyId>("key_id"), .before = KeyState::retiring, .after = row.value<KeyState>("after")});
    }
    return changed;
}

void activate(db::Transaction &transaction, KeyId const &id) {
    transaction.send(activate_sql, {id}, [&transaction, id](db::Rows const &rows) {
        require_one(transaction, rows, "the confirmation of key " + id.text());
    });
}

void void_proofs(db::Transaction &transaction, AgentId const &agent, KeyId const &shown) {
    transaction.send(void_proofs_sql, {agent, shown});
}

}  // namespace relay::sql
