#include "relay/legacy/issue_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/keys_sql.hpp"

namespace relay::sql {
namespace {

// An agent to which a key is being delivered is left out: another run does that. And so is a revoked agent: a key would be of no use to it. NOT IN, because the server then collects all revoked
// ids once, instead of searching the revocations for each agent.
constexpr auto queue_sql = R"sql(
SELECT listed.agent_id, listed.org_id, listed.owner, listed.wave
FROM relay.legacy_agents AS listed
WHERE listed.migration_id = $1::bigint AND listed.issued_key IS NULL
  AND NOT EXISTS (SELECT FROM relay.proven_agents AS proven WHERE proven.agent_id = listed.agent_id)
  AND NOT EXISTS (SELECT FROM relay.agent_keys AS key
                  WHERE key.agent_id = listed.agent_id AND key.state = 'staged' AND key.deliver_until > now())
  AND ($2::text IS NULL OR listed.org_id = $2)
  AND ($3::integer IS NULL OR (listed.wave, listed.agent_id) > ($3::integer, $4 COLLATE "C"))
  AND listed.agent_id NOT IN (SELECT subject_id FROM relay.standing_revocations WHERE kind = 'revoke' AND subject_kind = 'agent')
  AND listed.org_id NOT IN (SELECT subject_id FROM relay.standing_revocations WHERE kind = 'revoke' AND subject_kind = 'org')
ORDER BY listed.wave, listed.agent_id LIMIT $5::bigint
FOR NO KEY UPDATE OF listed SKIP LOCKED)sql";

constexpr auto named_sql = R"sql(
SELECT listed.agent_id, listed.org_id, listed.owner, listed.wave
FROM relay.legacy_agents AS listed
WHERE listed.migration_id = $1::bigint AND listed.issued_key IS NULL
  AND NOT EXISTS (SELECT FROM relay.proven_agents AS proven WHERE proven.agent_id = listed.agent_id)
  AND NOT EXISTS (SELECT FROM relay.agent_keys AS key
                  WHERE key.agent_id = listed.agent_id AND key.state = 'staged' AND key.deliver_until > now())
  AND listed.agent_id = ANY ($2::text[] COLLATE "C")
  AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                  WHERE gone.subject_id IN (listed.agent_id, listed.org_id) AND gone.kind = 'revoke'
                    AND gone.subject_id = CASE gone.subject_kind WHEN 'agent' THEN listed.agent_id WHEN 'org' THEN listed.org_id END)
ORDER BY listed.wave, listed.agent_id
FOR NO KEY UPDATE OF listed)sql";

constexpr auto length_sql = R"sql(
SELECT count(*) AS length FROM relay.legacy_agents AS listed
WHERE listed.migration_id = $1::bigint AND listed.issued_key IS NULL AND ($2::text IS NULL OR listed.org_id = $2)
  AND NOT EXISTS (SELECT FROM relay.proven_agents AS proven WHERE proven.agent_id = listed.agent_id)
  AND listed.agent_id NOT IN (SELECT subject_id FROM relay.standing_revocations WHERE kind = 'revoke' AND subject_kind = 'agent')
  AND listed.org_id NOT IN (SELECT subject_id FROM relay.standing_revocations WHERE kind = 'revoke' AND subject_kind = 'org'))sql";

constexpr auto states_sql = R"sql(
SELECT COALESCE(status.state, '') AS state
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
LEFT JOIN relay.legacy_agent_status AS status ON status.agent_id = wanted.id COLLATE "C"
ORDER BY wanted.place)sql";

constexpr auto in_delivery_sql = R"sql(
SELECT key.agent_id, max(key.deliver_until) AS deliver_until FROM relay.agent_keys AS key
WHERE key.agent_id = ANY ($1::text[] COLLATE "C") AND key.state = 'staged' AND key.deliver_until > now()
GROUP BY key.agent_id)sql";

constexpr auto queue_in_delivery_sql = R"sql(
SELECT count(DISTINCT listed.agent_id) AS agents, max(key.deliver_until) AS deliver_until
FROM relay.agent_keys AS key JOIN relay.legacy_agents AS listed ON listed.agent_id = key.agent_id
WHERE key.state = 'staged' AND key.deliver_until > now()
  AND listed.migration_id = $1::bigint AND listed.issued_key IS NULL AND ($2::text IS NULL OR listed.org_id = $2))sql";

// Only keys that are newer than the import: an agent may have had one before.
constexpr auto issued_sql = R"sql(
SELECT agent_id, org_id, owner, wave, issued_key, issued_at
FROM relay.legacy_agents
WHERE issued_key IS NOT NULL AND issued_at > imported_at AND ($1::text IS NULL OR org_id = $1) AND agent_id > $2 COLLATE "C"
ORDER BY agent_id LIMIT $3::bigint)sql";

constexpr auto adopt_sql = R"sql(
UPDATE relay.legacy_agents AS listed SET issued_key = key.key_id
FROM relay.agent_keys AS key
WHERE listed.migration_id = $1::bigint AND listed.issued_key IS NULL
  AND key.agent_id = listed.agent_id AND key.state = 'active')sql";

constexpr auto adoptable_sql = R"sql(
SELECT count(*) AS agents FROM relay.legacy_agents AS listed
WHERE listed.migration_id = $1::bigint AND listed.issued_key IS NULL
  AND EXISTS (SELECT FROM relay.agent_keys AS key WHERE key.agent_id = listed.agent_id AND key.state = 'active'))sql";

constexpr auto insert_sql = R"sql(
WITH new AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (key_id, hash, agent_id, org_id)
), keys AS (
    INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)
    SELECT new.key_id, new.agent_id, new.org_id, decode(new.hash, 'hex'), now() + COALESCE(agent.key_max_age, org.key_max_age), $5
    FROM new
    JOIN relay.agents AS agent ON agent.agent_id = new.agent_id COLLATE "C"
    JOIN relay.organizations AS org ON org.org_id = agent.org_id
), listed AS (
    UPDATE relay.legacy_agents AS listed SET issued_key = new.key_id
    FROM new WHERE listed.agent_id = new.agent_id COLLATE "C"
)
INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, reason, ticket, actor, trace_id)
SELECT 'key_issued', new.org_id, new.agent_id, new.key_id, $6, $7, $5, $8 FROM new)sql";

constexpr auto stage_sql = R"sql(
WITH new AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (key_id, hash, agent_id, org_id)
), written AS (
    INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, reason, ticket, actor, trace_id)
    SELECT 'key_staged', new.org_id, new.agent_id, new.key_id, $6, $7, $5, $8 FROM new
)
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, state, due_at, created_by, deliver_until, settle_until)
SELECT new.key_id, new.agent_id, new.org_id, decode(new.hash, 'hex'), 'staged', now() + COALESCE(agent.key_max_age, org.key_max_age), $5,
       clock.reading + make_interval(secs => $9), clock.reading + make_interval(secs => $9) + make_interval(secs => $10)
FROM new
JOIN relay.agents AS agent ON agent.agent_id = new.agent_id COLLATE "C"
JOIN relay.organizations AS org ON org.org_id = agent.org_id
CROSS JOIN (SELECT clock_timestamp() AS reading OFFSET 0) AS clock)sql";

constexpr auto note_sql = "UPDATE relay.legacy_agents SET issued_key = $2 WHERE agent_id = $1 AND issued_key IS NULL";

constexpr auto noted_sql = R"sql(
SELECT count(*) AS agents FROM unnest($1::text[], $2::text[]) AS made (key_id, agent_id)
JOIN relay.legacy_agents AS listed ON listed.agent_id = made.agent_id COLLATE "C" WHERE listed.issued_key = made.key_id)sql";

std::vector<ToIssue> read(db::Rows const &rows) {
    std::vector<ToIssue> found;
    for (db::Row const row : rows) {
        found.push_back({.agent = row.id<AgentId>("agent_id"),
                         .org = row.id<OrgId>("org_id"),
                         .owner = row.optional_text("owner"),
                         .wave = row.integer("wave")});
    }
    return found;
}

}  // namespace

std::vector<ToIssue> take_from_queue(db::Transaction &transaction, std::int64_t migration_id,
                                     std::optional<OrgId> const &org, std::optional<QueuePlace> const &after,
                                     std::int64_t most) {
    return read(
        transaction.exec(queue_sql, {migration_id, org, after ? db::Param(after->wave) : db::Param(std::nullopt),
                                     after ? db::Param(after->agent_id) : db::Param(std::nullopt), most}));
}

std::vector<ToIssue> take_named(db::Transaction &transaction, std::int64_t migration_id,
                                std::vector<AgentId> const &agents) {
    return read(transaction.exec(named_sql, {migration_id, db::array_text(agents)}));
}

std::int64_t queue_length(db::Transaction &transaction, std::int64_t migration_id, std::optional<OrgId> const &org) {
    return transaction.exec(length_sql, {migration_id, org}).one().integer("length");
}

std::vector<std::optional<LegacyAgentState>> legacy_states(db::Transaction &transaction,
                                                           std::vector<AgentId> const &agents) {
    std::vector<std::optional<LegacyAgentState>> states;
    db::Rows const rows = transaction.exec(states_sql, {db::array_text(agents)});
    for (db::Row const row : rows) {
        states.push_back(row.text("state").empty() ? std::nullopt : row.optional_value<LegacyAgentState>("state"));
    }
    return states;
}

std::map<AgentId, Instant> deliveries_of(db::Transaction &transaction, std::vector<AgentId> const &agents) {
    std::map<AgentId, Instant> ends;
    db::Rows const rows = transaction.exec(in_delivery_sql, {db::array_text(agents)});
    for (db::Row const row : rows) {
        ends.emplace(row.id<AgentId>("agent_id"), row.instant("deliver_until"));
    }
    return ends;
}

InDelivery queue_in_delivery(db::Transaction &transaction, std::int64_t migration_id, std::optional<OrgId> const &org) {
    db::Rows const rows = transaction.exec(queue_in_delivery_sql, {migration_id, org});
    return {.agents = rows.one().integer("agents"), .until = rows.one().optional_instant("deliver_until")};
}

std::vector<IssuedLegacyKey> issued_legacy_keys(db::Transaction &transaction, std::optional<OrgId> const &org,
                                                std::optional<AgentId> const &after, std::int64_t most) {
    std::vector<IssuedLegacyKey> found;
    db::Rows const rows = transaction.exec(issued_sql, {org, after ? after->text() : std::string(), most});
    for (db::Row const row : rows) {
        found.push_back({.agent_id = row.id<AgentId>("agent_id"),
                         .org_id = row.id<OrgId>("org_id"),
                         .owner = row.optional_text("owner"),
                         .wave = row.optional_integer("wave"),
                         .key_id = row.id<KeyId>("issued_key"),
                         .issued_at = row.instant("issued_at")});
    }
    return found;
}

std::size_t adopt_keys(db::Transaction &transaction, std::int64_t migration_id) {
    return transaction.exec(adopt_sql, {migration_id}).affected();
}

std::int64_t adoptable_keys(db::Transaction &transaction, std::int64_t migration_id) {
    return transaction.exec(adoptable_sql, {migration_id}).one().integer("agents");
}

void insert_keys(db::Transaction &transaction, std::vector<NewKey> const &keys, Attribution const &by) {
    NewKeyColumns const columns(keys);
    find_rows_by_key(transaction);
    transaction.send(insert_sql,
                     {db::array_text(columns.ids), db::array_text(columns.hashes), db::array_text(columns.agents),
                      db::array_text(columns.orgs), by.actor, by.reason, by.ticket, by.trace_id});
}

db::Pending<bool> issued_as_made(db::Transaction &transaction, std::vector<NewKey> const &keys) {
    NewKeyColumns const columns(keys);
    auto const all = static_cast<std::int64_t>(keys.size());
    auto const there = count_keys_as_made(transaction, columns.ids, columns.hashes, columns.agents);
    return transaction.ask(
        noted_sql, {db::array_text(columns.ids), db::array_text(columns.agents)},
        [=](db::Rows const &rows) { return there.get() == all && rows.one().integer("agents") == all; });
}

void stage_keys(db::Transaction &transaction, std::vector<NewKey> const &keys, Staging const &staging,
                Attribution const &by) {
    NewKeyColumns const columns(keys);
    find_rows_by_key(transaction);
    transaction.send(stage_sql, {db::array_text(columns.ids), db::array_text(columns.hashes),
                                 db::array_text(columns.agents), db::array_text(columns.orgs), by.actor, by.reason,
                                 by.ticket, by.trace_id, staging.timeout, staging.settle});
}

bool are_staged_as_made(db::Transaction &transaction, std::vector<NewKey> const &keys) {
    NewKeyColumns const columns(keys);
    return count_keys_as_made(transaction, columns.ids, columns.hashes, columns.agents, KeyState::staged).get() ==
           static_cast<std::int64_t>(keys.size());
}

void note_issued(db::Transaction &transaction, AgentId const &agent, KeyId const &key) {
    transaction.send(note_sql, {agent, key});
}

}  // namespace relay::sql
