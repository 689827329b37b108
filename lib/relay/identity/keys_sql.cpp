#include "relay/identity/keys_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/reported_uses.hpp"
#include "relay/identity/suggestions.hpp"

namespace relay::sql {
namespace {

// Not while another key is active, so that an old key that did not end is named as what is wrong.
constexpr auto insert_key_sql = R"sql(
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, expires_at, created_by)
SELECT $1, agent.agent_id, agent.org_id, $2::bytea, now() + COALESCE(agent.key_max_age, org.key_max_age), $4::timestamptz, $5
FROM relay.agents AS agent JOIN relay.organizations AS org ON org.org_id = agent.org_id
WHERE agent.agent_id = $3
  AND NOT EXISTS (SELECT FROM relay.agent_keys AS other WHERE other.agent_id = $3 AND other.state = 'active')
RETURNING org_id, due_at)sql";

// Each statement has the same columns in the same order, for read_key.
constexpr auto find_key_sql = R"sql(
SELECT key_id, agent_id, org_id, state, status, blocked, created_at, created_by, made_order, due_at, expires_at, retired_at, revoked_at,
       replaced_by, retire_on_first_use, deliver_until, settle_until, first_used_at, last_used_at,
       hash_algorithm
FROM relay.key_status WHERE key_id = $1)sql";

constexpr auto replaced_sql = R"sql(
SELECT key_id, agent_id, org_id, state, status, blocked, created_at, created_by, made_order, due_at, expires_at, retired_at, revoked_at,
       replaced_by, retire_on_first_use, deliver_until, settle_until, first_used_at, last_used_at,
       hash_algorithm
FROM relay.key_status WHERE agent_id = $1 AND replaced_by = $2)sql";

constexpr auto current_sql = R"sql(
SELECT key_id, agent_id, org_id, state, status, blocked, created_at, created_by, made_order, due_at, expires_at, retired_at, revoked_at,
       replaced_by, retire_on_first_use, deliver_until, settle_until, first_used_at, last_used_at,
       hash_algorithm
FROM relay.key_status WHERE agent_id = $1 AND state IN ('staged', 'active', 'retiring') ORDER BY made_order)sql";

constexpr auto keys_of_agent_sql = R"sql(
SELECT key_id, agent_id, org_id, state, status, blocked, created_at, created_by, made_order, due_at, expires_at, retired_at, revoked_at,
       replaced_by, retire_on_first_use, deliver_until, settle_until, first_used_at, last_used_at,
       hash_algorithm
FROM relay.key_status WHERE agent_id = $1 ORDER BY created_at DESC, key_id)sql";

// $4: continue after this key. $15: the newest first. $6: only keys that gateways accept. $9: of agents that meet the three conditions after it.
constexpr auto list_keys_sql = R"sql(
SELECT key_id, agent_id, org_id, state, status, blocked, created_at, created_by, made_order, due_at, expires_at, retired_at, revoked_at,
       replaced_by, retire_on_first_use, deliver_until, settle_until, first_used_at, last_used_at,
       hash_algorithm
FROM relay.key_status AS key
WHERE ($1::text IS NULL OR agent_id = $1) AND ($2::text IS NULL OR org_id = $2) AND ($3::text IS NULL OR status = $3)
  AND ($4::text IS NULL OR CASE WHEN $15::boolean THEN made_order < (SELECT made_order FROM relay.agent_keys WHERE key_id = $4)
                                ELSE key_id > $4 COLLATE "C" END)
  AND ($5::bigint IS NULL OR created_at <= now() - make_interval(secs => $5))
  AND (NOT $6::boolean OR (state NOT IN ('retired', 'revoked') AND status NOT IN ('expired', 'retired', 'revoked')))
  AND (NOT $7::boolean OR last_used_at IS NULL)
  AND ($8::bigint IS NULL OR COALESCE(last_used_at, created_at) <= now() - make_interval(secs => $8))
  AND (NOT $9::boolean OR EXISTS (
          SELECT FROM relay.agents AS agent
          WHERE agent.agent_id = key.agent_id AND ($10::text IS NULL OR agent.owner = $10) AND (NOT $11::boolean OR agent.owner IS NULL)
            AND ($12::text[] IS NULL OR (agent.labels @> jsonb_object($12::text[]) AND agent.labels <> '{}'))
            AND ($13::text IS NULL OR agent.agent_id LIKE $13))))sql";

constexpr auto keys_limit_sql = " LIMIT $14::bigint";

constexpr db::SortColumn key_sort_columns[] = {
    {"key_id", "key_id"},         {"agent_id", "agent_id"},         {"org_id", "org_id"},
    {"status", "status"},         {"created_at", "created_at"},     {"due_at", "due_at"},
    {"expires_at", "expires_at"}, {"last_used_at", "last_used_at"},
};

constexpr auto identify_sql = "SELECT kind, owner_org, owner_agent FROM relay.identify($1, $2::bytea)";

constexpr auto end_grace_sql = R"sql(
UPDATE relay.agent_keys SET state = 'active', replaced_by = NULL, expires_at = $2::timestamptz, retire_on_first_use = false
WHERE key_id = $1)sql";

constexpr auto retire_sql = R"sql(
UPDATE relay.agent_keys SET state = 'retired', retired_at = now(), replaced_by = COALESCE($2, replaced_by) WHERE key_id = $1)sql";

constexpr auto mark_revoked_sql = R"sql(
UPDATE relay.agent_keys SET state = 'revoked', revoked_at = now() WHERE agent_id = $1 AND state IN ('staged', 'active', 'retiring'))sql";

constexpr auto last_address_sql = R"sql(
SELECT host(sighting.ip_address) AS address
FROM relay.key_sightings AS sighting JOIN relay.agent_keys AS key ON key.key_id = sighting.key_id
WHERE key.agent_id = $1 AND sighting.ip_address <> '::' ORDER BY sighting.last_used_at DESC LIMIT 1)sql";

constexpr auto verify_sql = R"sql(
SELECT reason = 'ok' AS ok, reason, org_id, agent_id, expires_at
FROM (SELECT (answer).org_id, (answer).agent_id, (answer).expires_at,
             CASE WHEN (answer).ok AND $4::inet IS NOT NULL AND NOT relay.address_is_allowed((answer).org_id, (answer).agent_id, $4)
                  THEN 'address_not_allowed' ELSE (answer).reason END AS reason
      FROM relay.verify_key($1, $2::bytea, $3) AS answer) AS checked)sql";

constexpr auto near_keys_sql = R"sql(
SELECT id, 'agent ' || agent_id || ', org ' || org_id AS about
FROM ((SELECT key_id AS id, agent_id, org_id FROM relay.agent_keys WHERE key_id > $1 ORDER BY key_id LIMIT 500)
      UNION ALL (SELECT key_id, agent_id, org_id FROM relay.agent_keys WHERE key_id < $1 ORDER BY key_id DESC LIMIT 500)
      UNION ALL SELECT key_id, agent_id, org_id FROM relay.agent_keys WHERE key_id = ANY ($2::text[])) AS near)sql";

constexpr auto as_made_sql = "SELECT relay.count_keys_as_made($1::text[], $2::text[], $3::text[], $4) AS there";

Key read_key(db::Row const &row) {
    return {.key_id = row.id<KeyId>("key_id"),
            .agent_id = row.id<AgentId>("agent_id"),
            .org_id = row.id<OrgId>("org_id"),
            .state = row.value<KeyState>("state"),
            .status = row.value<KeyStatus>("status"),
            .algorithm = row.value<KeyAlgorithm>("hash_algorithm"),
            .blocked = row.boolean("blocked"),
            .created_at = row.instant("created_at"),
            .created_by = row.text("created_by"),
            .made_order = row.integer("made_order"),
            .due_at = row.optional_instant("due_at"),
            .expires_at = row.optional_instant("expires_at"),
            .retired_at = row.optional_instant("retired_at"),
            .revoked_at = row.optional_instant("revoked_at"),
            .replaced_by = row.optional_id<KeyId>("replaced_by"),
            .retire_on_first_use = row.boolean("retire_on_first_use"),
            .deliver_until = row.optional_instant("deliver_until"),
            .settle_until = row.optional_instant("settle_until"),
            .first_used_at = row.optional_instant("first_used_at"),
            .last_used_at = row.optional_instant("last_used_at")};
}

std::optional<Key> read_first_key(db::Rows const &rows) {
    return rows.empty() ? std::nullopt : std::optional(read_key(rows[0]));
}

std::vector<Key> read_keys(db::Rows const &rows) {
    std::vector<Key> keys;
    for (db::Row const row : rows) {
        keys.push_back(read_key(row));
    }
    return keys;
}

/// The row of one key; the last line of an error says which key still counts.
void change_one(db::Transaction &transaction, KeyId const &key, char const *sql, std::vector<db::Param> const &params) {
    transaction.send(sql, params, [&transaction, key](db::Rows const &rows) {
        transaction.require(rows.affected() == 1, "the change of key " + key.text(),
                            {"key " + key.text() + " may still be live"});
    });
}

}  // namespace

db::Pending<Key> insert_key(db::Transaction &transaction, KeyId const &id, KeyHash const &hash, AgentId const &agent,
                            std::optional<Instant> expires_at, Note const &created_by) {
    return transaction.ask(insert_key_sql, {id, "\\x" + hash.hex(), agent, expires_at, created_by},
                           [=, &transaction](db::Rows const &rows) {
                               transaction.require(rows.size() == 1, "the new key of agent " + agent.text());
                               return Key{.key_id = id,
                                          .agent_id = agent,
                                          .org_id = rows.one().id<OrgId>("org_id"),
                                          .state = KeyState::active,
                                          .status = KeyStatus::active,
                                          .created_at = transaction.now(),
                                          .created_by = created_by.text(),
                                          .due_at = rows.one().optional_instant("due_at"),
                                          .expires_at = expires_at};
                           });
}

db::Pending<std::int64_t> count_keys_as_made(db::Transaction &transaction, std::vector<KeyId> const &ids,
                                             std::vector<std::string> const &hashes, std::vector<AgentId> const &agents,
                                             KeyState state) {
    return transaction.ask(as_made_sql, {db::array_text(ids), db::array_text(hashes), db::array_text(agents), state},
                           [](db::Rows const &rows) { return rows.one().integer("there"); });
}

void confirm_new_key(db::Transaction &transaction, KeyId const &id, KeyHash const &hash, AgentId const &agent,
                     KeyState state, std::vector<std::string> doubts) {
    transaction.send(as_made_sql,
                     {db::array_text(std::vector{id}), db::array_text(std::vector{hash.hex()}),
                      db::array_text(std::vector{agent}), state},
                     [=, &transaction](db::Rows const &rows) {
                         transaction.confirm(rows.one().integer("there") == 1, "the new key of agent " + agent.text(),
                                             doubts);
                     });
}

db::Pending<std::optional<Key>> ask_key(db::Transaction &transaction, KeyId const &id) {
    return transaction.ask(find_key_sql, {id}, read_first_key);
}

db::Pending<std::optional<Key>> ask_replaced_key(db::Transaction &transaction, AgentId const &agent,
                                                 KeyId const &replaced_by) {
    return transaction.ask(replaced_sql, {agent, replaced_by}, read_first_key);
}

std::optional<Key> find_key(db::Transaction &transaction, KeyId const &id) { return ask_key(transaction, id).get(); }

Key get_key(db::Transaction &transaction, KeyId const &id) {
    if (auto key = find_key(transaction, id)) {
        return *std::move(key);
    }
    throw no_such("key", id.text(), transaction.exec(near_keys_sql, near(id.text())), advise(Act::list_keys));
}

db::Pending<std::optional<Owner>> ask_owner(db::Transaction &transaction, KeyId const &id, KeyHash const &hash) {
    return transaction.ask(identify_sql, {id, "\\x" + hash.hex()}, [](db::Rows const &rows) {
        return rows.empty() ? std::nullopt
                            : std::optional(Owner{.kind = rows[0].value<SecretKind>("kind"),
                                                  .org_id = rows[0].id<OrgId>("owner_org"),
                                                  .agent_id = rows[0].optional_id<AgentId>("owner_agent")});
    });
}

std::optional<Owner> identify(db::Transaction &transaction, KeyId const &id, KeyHash const &hash) {
    return ask_owner(transaction, id, hash).get();
}

db::Pending<CurrentKeys> ask_current_keys(db::Transaction &transaction, AgentId const &agent) {
    return transaction.ask(current_sql, {agent}, [](db::Rows const &rows) {
        CurrentKeys current;
        for (Key &key : read_keys(rows)) {
            if (key.state == KeyState::active) {
                current.active = std::move(key);
            } else {
                (key.state == KeyState::staged ? current.staged : current.retiring).push_back(std::move(key));
            }
        }
        return current;
    });
}

CurrentKeys current_keys(db::Transaction &transaction, AgentId const &agent) {
    return ask_current_keys(transaction, agent).get();
}

void end_grace_as_active(db::Transaction &transaction, KeyId const &key_id, std::optional<Instant> expires_at) {
    change_one(transaction, key_id, end_grace_sql, {key_id, expires_at});
}

void retire(db::Transaction &transaction, KeyId const &key_id, std::optional<KeyId> const &replaced_by) {
    change_one(transaction, key_id, retire_sql, {key_id, replaced_by});
}

void mark_revoked(db::Transaction &transaction, AgentId const &agent) {
    transaction.send(mark_revoked_sql, {agent});
    transaction.send(current_sql, {agent}, [&transaction, agent](db::Rows const &rows) {
        transaction.require(rows.empty(), "the revocation of the keys of agent " + agent.text());
    });
}

std::vector<std::string> key_sort_fields() { return db::sort_fields(key_sort_columns); }

db::Stream<Key> list_keys(db::Transaction &transaction, KeyFilter const &filter) {
    auto const unused = filter.unused_for ? std::optional(silence_to_prove(*filter.unused_for)) : std::nullopt;
    return {
        transaction,
        std::string(list_keys_sql) +
            (filter.newest_first ? " ORDER BY made_order DESC"
                                 : db::order_by(key_sort_columns, filter.sort, "key_id")) +
            keys_limit_sql,
        {filter.agent, filter.org, filter.status, filter.after, filter.older_than, filter.live_only, filter.never_used,
         unused, filter.which.any(), filter.which.owner, filter.which.unowned, pairs_or_null(filter.which.labels),
         pattern_or_null(filter.which.match), filter.limit, filter.newest_first},
        read_key};
}

db::Pending<std::vector<Key>> keys_of_agent(db::Transaction &transaction, AgentId const &agent) {
    return transaction.ask(keys_of_agent_sql, {agent}, read_keys);
}

db::Pending<std::optional<std::string>> last_address(db::Transaction &transaction, AgentId const &agent) {
    return transaction.ask(last_address_sql, {agent}, [](db::Rows const &rows) {
        return rows.empty() ? std::nullopt : rows[0].optional_text("address");
    });
}

Answer verify_key(db::Transaction &transaction, KeyId const &id, KeyDigest const &digest,
                  std::optional<AgentId> const &agent, std::optional<IpRange> const &address) {
    db::Rows const rows = transaction.exec(verify_sql, {id, "\\x" + digest.hex(), agent, address});
    db::Row const row = rows.one();
    return {.ok = row.boolean("ok"),
            .reason = row.value<KeyVerdict>("reason"),
            .org_id = row.optional_id<OrgId>("org_id"),
            .agent_id = row.optional_id<AgentId>("agent_id"),
            .expires_at = row.optional_instant("expires_at")};
}

bool has_key_table(db::Transaction &transaction) {
    return transaction.exec("SELECT to_regclass('relay.agent_keys') IS NOT NULL AS there").one().boolean("there");
}

}  // namespace relay::sql
