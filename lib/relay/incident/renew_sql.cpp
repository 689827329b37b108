#include "relay/incident/renew_sql.hpp"

#include "relay/db/list_text.hpp"

namespace relay::sql {
namespace {

// $1 to $3: agents, an organization, keys; $4, $5: actor and ticket; $6: how long a revocation is one's own, in seconds; $7: one agent alone.
// What ended a key is the first revocation that counts against it. A key whose row says that it was retired, or that had
// expired by then, was ended by something else; and so was one whose first revocation is of another subject.
constexpr auto to_renew_sql = R"sql(
SELECT key.agent_id, (array_agg(key.expires_at ORDER BY key.made_order DESC))[1] AS expires_at
FROM relay.agent_keys AS key
CROSS JOIN LATERAL (
    SELECT row.at, row.actor, row.ticket, row.subject_kind, row.subject_id FROM relay.revocations AS row
    WHERE row.kind = 'revoke' AND row.subject_id IN (key.key_id, key.agent_id, key.org_id)
      AND row.subject_id = CASE row.subject_kind WHEN 'key' THEN key.key_id WHEN 'agent' THEN key.agent_id WHEN 'org' THEN key.org_id END
      AND (row.lifted_at IS NULL OR row.cut_off > key.made_order)
    ORDER BY row.at LIMIT 1) AS ended_by
WHERE (key.agent_id = ANY ($1::text[]) OR key.org_id = $2
       OR key.agent_id IN (SELECT found.agent_id FROM relay.agent_keys AS found WHERE found.key_id = ANY ($3::text[])))
  AND ended_by.subject_id = ANY (CASE ended_by.subject_kind WHEN 'agent' THEN $1::text[] WHEN 'org' THEN ARRAY[$2] ELSE $3::text[] END)
  AND key.state IN ('staged', 'active') AND (key.expires_at IS NULL OR key.expires_at > ended_by.at)
  AND ended_by.actor = $4 AND ended_by.ticket IS NOT DISTINCT FROM $5 AND ended_by.at > now() - make_interval(secs => $6)
  AND ($7::text IS NULL OR key.agent_id = $7)
GROUP BY key.agent_id
ORDER BY key.agent_id)sql";

// $1 to $6 likewise; $7, $8: the agents of files, and the keys in them.
constexpr auto fresh_before_sql = R"sql(
SELECT agent.agent_id,
       EXISTS (SELECT FROM relay.agent_keys AS key
               JOIN relay.revocations AS row
                 ON row.subject_id IN (agent.agent_id, agent.org_id)
                    OR row.subject_id IN (SELECT other.key_id FROM relay.agent_keys AS other WHERE other.agent_id = agent.agent_id)
               WHERE key.key_id = file.key_id AND key.agent_id = agent.agent_id AND row.kind = 'revoke' AND row.at < key.created_at
                 AND row.actor = $4 AND row.ticket IS NOT DISTINCT FROM $5 AND row.at > now() - make_interval(secs => $6)) AS was_fresh
FROM unnest($7::text[], $8::text[]) AS file (agent_id, key_id)
JOIN relay.agents AS agent ON agent.agent_id = file.agent_id
WHERE agent.agent_id = ANY ($1::text[]) OR agent.org_id = $2
   OR agent.agent_id IN (SELECT found.agent_id FROM relay.agent_keys AS found WHERE found.key_id = ANY ($3::text[])))sql";

}  // namespace

std::vector<AgentToRenew> agents_to_renew(db::Transaction &transaction, OfIncident const &what, Attribution const &by,
                                          std::optional<AgentId> const &only) {
    std::vector<AgentToRenew> agents;
    for (db::Row const row :
         transaction.exec(to_renew_sql, {db::array_text(what.agents), what.org, db::array_text(what.keys), by.actor,
                                         by.ticket, std::chrono::seconds(own_for), only})) {
        agents.push_back({.agent = row.id<AgentId>("agent_id"), .expires_at = row.optional_instant("expires_at")});
    }
    return agents;
}

std::vector<FreshBefore> fresh_before(db::Transaction &transaction, std::vector<FreshFile> const &files,
                                      OfIncident const &what, Attribution const &by) {
    std::vector<AgentId> agents;
    std::vector<std::string> keys;
    for (FreshFile const &file : files) {
        agents.push_back(file.agent);
        keys.push_back(file.key ? file.key->text() : "");
    }
    std::vector<FreshBefore> found;
    for (db::Row const row : transaction.exec(
             fresh_before_sql, {db::array_text(what.agents), what.org, db::array_text(what.keys), by.actor, by.ticket,
                                std::chrono::seconds(own_for), db::array_text(agents), db::array_text(keys)})) {
        found.push_back({.agent = row.id<AgentId>("agent_id"), .was_fresh = row.boolean("was_fresh")});
    }
    return found;
}

}  // namespace relay::sql
