#include "relay/identity/new_agent_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/labels.hpp"
#include "relay/identity/limits_sql.hpp"

namespace relay::sql {
namespace {

// No conflict target, because two creations at the same time can also collide on (org_id, agent_id). The events are in
// the same statement as the key, as relay.audit_new_keys demands. $15 and $16: the deadlines of a staged key; null: it is active.
// $18: it is a public key, which its age does not make due, and which its first request confirms.
constexpr auto insert_agent_sql = R"sql(
WITH made AS (
    INSERT INTO relay.agents (agent_id, org_id, name, permissions, key_max_age, created_by, owner, labels, owner_user_id)
    SELECT $1, org.org_id, $3, $4::jsonb, make_interval(secs => $5), $6, $13, jsonb_object($14::text[]), $17
    FROM relay.organizations AS org WHERE org.org_id = $2
    ON CONFLICT DO NOTHING
    RETURNING agent_id, org_id, key_max_age
), written AS (
    INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, detail, reason, ticket, actor, trace_id)
    SELECT event.action, made.org_id, made.agent_id, event.key_id, event.detail, $10, $11, $6, $12
    FROM made CROSS JOIN (VALUES ('agent_created', NULL, jsonb_build_object('name', $3::text)),
                                 (CASE WHEN $15::bigint IS NULL THEN 'key_issued' ELSE 'key_staged' END, $7, NULL)) AS event (action, key_id, detail)
    RETURNING 1
), issued AS (
    INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, expires_at, created_by, state, deliver_until, settle_until,
                                  hash_algorithm, confirm_grace)
    SELECT $7, made.agent_id, made.org_id, $8::bytea, CASE WHEN NOT $18 THEN now() + COALESCE(made.key_max_age, org.key_max_age) END, $9::timestamptz, $6,
           CASE WHEN $15 IS NULL THEN 'active' ELSE 'staged' END, clock.reading + make_interval(secs => $15),
           clock.reading + make_interval(secs => $15) + make_interval(secs => $16),
           CASE WHEN $18::boolean THEN 'ed25519' ELSE 'sha256d' END, CASE WHEN $18 THEN interval '0' END
    FROM made JOIN relay.organizations AS org ON org.org_id = made.org_id
    CROSS JOIN (SELECT clock_timestamp() AS reading OFFSET 0) AS clock
    RETURNING key_id, due_at
)
SELECT (SELECT due_at FROM issued) AS due_at, (SELECT count(*) FROM issued) AS keys, (SELECT count(*) FROM written) AS events,
       EXISTS (SELECT FROM relay.revocations AS r WHERE r.subject_id IN ($1, $2)) AS has_revocations
FROM made)sql";

// A limit that is set meanwhile does not count the new agent, so the question about one comes after these locks. Agents of an organization
// without a limit do not wait for each other.
constexpr auto hold_org_sql = R"sql(
SELECT org_id FROM relay.organizations WHERE org_id = $1 AND relay.limit_for_new(org_id, 'agents') IS NULL FOR SHARE)sql";

constexpr auto is_limited_sql = "SELECT relay.limit_for_new($1, 'agents') IS NOT NULL AS limited";

// From the tables: a new connection would first have to read the definition of the view relay.agent_status.
constexpr auto find_made_sql = R"sql(
SELECT agent.org_id, agent.name, array_to_string(ARRAY(SELECT jsonb_array_elements_text(agent.permissions)), ',') AS permissions,
       extract(epoch FROM agent.key_max_age)::bigint AS key_max_age,
       extract(epoch FROM COALESCE(agent.key_max_age, org.key_max_age))::bigint AS effective_key_max_age,
       agent.owner, COALESCE((SELECT string_agg(key || '=' || value, E'\n') FROM jsonb_each_text(agent.labels)), '') AS labels,
       agent.owner_user_id,
       agent.created_at, agent.created_by
FROM relay.agents AS agent JOIN relay.organizations AS org ON org.org_id = agent.org_id
WHERE agent.agent_id = $1 AND relay.count_keys_as_made(ARRAY[$2::text], ARRAY[$3::text], ARRAY[$1::text], $4) = 1)sql";

}  // namespace

KeyHash stored_hash(CreateAgent const &request, ApiKey const &key) {
    return request.public_key ? KeyHash{{request.public_key->bytes()}} : key.hash();
}

db::Pending<std::optional<InsertedAgent>> insert_agent(db::Transaction &transaction, CreateAgent const &request,
                                                       ApiKey const &key, Staging const *staging,
                                                       Attribution const &by) {
    using Seconds = std::optional<std::chrono::seconds>;
    bool const is_public = request.public_key.has_value();
    Staging const of_public_key{.timeout = std::chrono::seconds(0), .settle = std::chrono::seconds(0)};  // no store
    Staging const *const used = is_public ? &of_public_key : staging;
    bool const staged = used != nullptr;
    std::vector<db::Param> const params = {request.id,
                                           request.org,
                                           request.name,
                                           db::json_array(permission_texts(request.permissions)),
                                           request.key_max_age,
                                           by.actor,
                                           key.id(),
                                           "\\x" + stored_hash(request, key).hex(),
                                           request.expires_at,
                                           by.reason,
                                           by.ticket,
                                           by.trace_id,
                                           request.owner,
                                           label_pairs(request.labels),
                                           staged ? Seconds(used->timeout) : Seconds(),
                                           staged ? Seconds(used->settle) : Seconds(),
                                           request.owner_user_id,
                                           is_public};
    Key const issued{.key_id = key.id(),
                     .agent_id = request.id,
                     .org_id = request.org,
                     .state = staged ? KeyState::staged : KeyState::active,
                     .status = staged ? KeyStatus::staged : KeyStatus::active,
                     .algorithm = is_public ? KeyAlgorithm::ed25519 : KeyAlgorithm::sha256d,
                     .created_by = by.actor.text(),
                     .expires_at = request.expires_at};
    return transaction.ask(
        insert_agent_sql, params, [&transaction, issued](db::Rows const &rows) -> std::optional<InsertedAgent> {
            if (rows.empty()) {
                return std::nullopt;
            }
            db::Row const row = rows[0];
            transaction.require(row.integer("keys") == 1, "the new key of agent " + issued.agent_id.text());
            transaction.require(row.integer("events") == 2, "an event of the audit trail (relay.auth_events)");
            InsertedAgent inserted{.key = issued, .has_revocations = row.boolean("has_revocations")};
            inserted.key.created_at = transaction.now();
            inserted.key.due_at = row.optional_instant("due_at");
            return inserted;
        });
}

db::Pending<bool> hold_limits(db::Transaction &transaction, OrgId const &org) {
    transaction.send(hold_org_sql, {org});
    hold_plan_of(transaction, org);
    return transaction.ask(is_limited_sql, {org}, [](db::Rows const &rows) { return rows.one().boolean("limited"); });
}

db::Pending<std::optional<Agent>> find_made_agent(db::Transaction &transaction, AgentId const &id, KeyId const &key,
                                                  KeyHash const &hash, KeyState state) {
    return transaction.ask(
        find_made_sql, {id, key, hash.hex(), state}, [id](db::Rows const &rows) -> std::optional<Agent> {
            if (rows.empty()) {
                return std::nullopt;
            }
            db::Row const row = rows[0];
            return Agent{.agent_id = id,
                         .org_id = row.id<OrgId>("org_id"),
                         .name = row.text("name"),
                         .permissions = db::split_list(row.text("permissions")),
                         .key_max_age = row.optional_seconds("key_max_age"),
                         .effective_key_max_age = row.optional_seconds("effective_key_max_age"),
                         .owner = row.optional_id<OwnerName>("owner"),
                         .labels = label_set(row.ids_by_line<Label>("labels")),
                         .owner_user_id = row.optional_id<OwnerUserId>("owner_user_id"),
                         .status = Status::active,  // the creation of one that is blocked or revoked is refused
                         .created_at = row.instant("created_at"),
                         .created_by = row.text("created_by")};
        });
}

}  // namespace relay::sql
