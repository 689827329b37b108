#include "relay/inspect/whose_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/organizations_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto keys_sql = R"sql(
SELECT found.thing, found.id, found.agent_id, agent.name AS agent_name, agent.owner, found.org_id, org.name AS org_name, found.key_status,
       found.token_status, found.blocked, found.last_used_at, seen.address,
       found.agent_id IS NULL OR found.key_status NOT IN ('staged', 'active', 'retiring') OR relay.has_seat(found.org_id, found.agent_id) AS has_seat
FROM unnest($1::text[]) WITH ORDINALITY AS asked (id, position)
CROSS JOIN LATERAL (
    SELECT 'key' AS thing, key.key_id AS id, key.agent_id, key.org_id, key.status AS key_status, NULL AS token_status, key.blocked, key.last_used_at
    FROM relay.key_status AS key WHERE key.key_id = asked.id
    UNION ALL
    SELECT 'token', token.token_id, NULL, token.org_id, NULL, CASE WHEN token.revoked_at IS NULL THEN 'active' ELSE 'revoked' END, false, NULL
    FROM relay.org_tokens AS token WHERE token.token_id = asked.id
    UNION ALL
    SELECT 'device', device.device_id, device.agent_id, device.org_id, CASE device.status WHEN 'blocked' THEN 'active' ELSE device.status END, NULL,
           device.status = 'blocked', device.seen_at
    FROM relay.device_status AS device WHERE device.device_id = asked.id) AS found
JOIN relay.organizations AS org ON org.org_id = found.org_id
LEFT JOIN relay.agents AS agent ON agent.agent_id = found.agent_id
LEFT JOIN LATERAL (
    (SELECT host(sighting.ip_address) AS address FROM relay.key_sightings AS sighting
     WHERE sighting.key_id = found.id AND sighting.ip_address <> '::' ORDER BY sighting.last_used_at DESC LIMIT 1)
    UNION ALL
    SELECT host(device.seen_from) FROM relay.devices AS device WHERE found.thing = 'device' AND device.device_id = found.id) AS seen ON true
ORDER BY asked.position)sql";

// $1: the ids of keys.
constexpr auto without_key_sql = R"sql(
SELECT agent.agent_id, agent.owner, left_over.has_retiring
FROM (SELECT DISTINCT key.agent_id FROM unnest($1::text[]) AS asked (id) JOIN relay.agent_keys AS key ON key.key_id = asked.id)
     AS ended
JOIN relay.agent_status AS agent ON agent.agent_id = ended.agent_id
CROSS JOIN LATERAL (
    SELECT COALESCE(bool_or(key.status IN ('staged', 'active')), false) AS has_key,
           COALESCE(bool_or(key.status = 'retiring'), false) AS has_retiring
    FROM relay.key_status AS key WHERE key.agent_id = ended.agent_id) AS left_over
WHERE agent.status <> 'revoked' AND NOT left_over.has_key
ORDER BY agent.agent_id)sql";

Whose read_key(db::Row const &row) {
    Whose whose{.thing = row.value<NamedThing>("thing"),
                .proof = Proof::id_only,
                .key_id = row.id<KeyId>("id"),
                .agent_id = row.optional_id<AgentId>("agent_id"),
                .agent_name = row.optional_text("agent_name"),
                .owner = row.optional_id<OwnerName>("owner"),
                .org_id = row.id<OrgId>("org_id"),
                .org_name = row.text("org_name"),
                .blocked = row.boolean("blocked"),
                .has_seat = row.boolean("has_seat"),
                .last_used_at = row.optional_instant("last_used_at"),
                .last_address = row.optional_text("address")};
    if (whose.thing == NamedThing::token) {
        whose.state = row.value<Status>("token_status");
    } else {
        whose.state = row.value<KeyStatus>("key_status");
    }
    return whose;
}

std::vector<AgentWithoutKey> read_without_key(db::Rows const &rows) {
    std::vector<AgentWithoutKey> agents;
    for (db::Row const row : rows) {
        agents.push_back({.agent_id = row.id<AgentId>("agent_id"),
                          .owner = row.optional_id<OwnerName>("owner"),
                          .has_retiring = row.boolean("has_retiring")});
    }
    return agents;
}

}  // namespace

db::Pending<std::vector<Whose>> whose_keys(db::Transaction &transaction, std::vector<KeyId> const &ids) {
    return transaction.ask(keys_sql, {db::array_text(ids)}, [](db::Rows const &rows) {
        std::vector<Whose> found;
        for (db::Row const row : rows) {
            found.push_back(read_key(row));
        }
        return found;
    });
}

Whose whose_org(db::Transaction &transaction, OrgId const &org) {
    Org const found = get_org(transaction, org);
    return {.thing = NamedThing::org,
            .org_id = org,
            .org_name = found.name,
            .state = found.status,
            .blocked = found.status == Status::blocked};
}

Whose whose_agent(db::Transaction &transaction, AgentId const &agent) {
    Agent const found = get_agent(transaction, agent);
    Whose whose = whose_org(transaction, found.org_id);
    whose.thing = NamedThing::agent;
    whose.agent_id = agent;
    whose.agent_name = found.name;
    whose.owner = found.owner;
    whose.state = found.status;
    whose.blocked = found.status == Status::blocked;
    whose.has_seat = found.status != Status::active || ask_keyless_ways(transaction, agent).get().has_seat;
    whose.last_used_at = found.last_used_at;
    whose.last_address = last_address(transaction, agent).get();
    return whose;
}

std::vector<AgentWithoutKey> agents_without_key(db::Transaction &transaction, std::vector<KeyId> const &keys) {
    return read_without_key(transaction.exec(without_key_sql, {db::array_text(keys)}));
}

}  // namespace relay::sql
