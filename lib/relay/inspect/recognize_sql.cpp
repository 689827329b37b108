#include "relay/inspect/recognize_sql.hpp"

#include "relay/identity/revocations_sql.hpp"

namespace relay::sql {
namespace {

// Many things can have the same name. Those that are read are sorted, and no more are read than are needed to say that
// there are more.
constexpr char const *recognize_sql = R"sql(
SELECT thing, id, agent_id, org_id, by_name
FROM (SELECT *, row_number() OVER (PARTITION BY rank ORDER BY id, org_id) AS place
FROM (SELECT 1 AS rank, 'agent' AS thing, agent_id AS id, NULL AS agent_id, org_id, false AS by_name
      FROM relay.agents WHERE agent_id = $1
      UNION ALL SELECT 2, 'org', org_id, NULL, NULL, false FROM relay.organizations WHERE org_id = $1
      UNION ALL SELECT 3, 'key', key_id, agent_id, org_id, false FROM relay.agent_keys WHERE key_id = $1
      UNION ALL SELECT 4, 'token', token_id, NULL, org_id, false FROM relay.org_tokens WHERE token_id = $1
      UNION ALL SELECT 4, 'device', device_id, agent_id, org_id, false FROM relay.devices WHERE device_id = $1
      UNION ALL SELECT 5, 'role', role_id, NULL, org_id, false FROM relay.roles WHERE role_id = $1
      UNION ALL SELECT 5, 'plan', plan_id, NULL, NULL, false FROM relay.plans WHERE plan_id = $1
      UNION ALL SELECT 6, 'queue', $2, queue.agent_id, queue.org_id, false FROM relay_api.queue_owner($2) AS queue
                JOIN relay.organizations USING (org_id)
                WHERE queue.agent_id IS NULL OR EXISTS
                      (SELECT FROM relay.agents a WHERE a.agent_id = queue.agent_id AND a.org_id = queue.org_id)
      UNION ALL (SELECT 6, 'ticket', ticket, NULL, NULL, false
                 FROM (SELECT ticket FROM relay.revocations UNION ALL SELECT ticket FROM relay.policy_changes) AS changes
                 WHERE ticket = $2 LIMIT 1)
      UNION ALL (SELECT 7, 'agent', agent_id, NULL, org_id, true FROM relay.agents
                 WHERE lower(name) COLLATE "C" = lower($2) COLLATE "C" LIMIT 101)
      UNION ALL (SELECT 8, 'org', org_id, NULL, NULL, true FROM relay.organizations
                 WHERE lower(name) COLLATE "C" = lower($2) COLLATE "C" LIMIT 101)
      UNION ALL (SELECT 9, 'role', role_id, NULL, org_id, true FROM relay.roles
                 WHERE lower(name) COLLATE "C" = lower($2) COLLATE "C" LIMIT 101)) AS found) AS placed
WHERE place <= $3
ORDER BY rank, id, org_id)sql";

std::optional<Subject> subject_of(db::Row const &row, NamedThing thing) {
    switch (thing) {
        case NamedThing::agent: return read_subject(row, SubjectKind::agent, "id");
        case NamedThing::org: return read_subject(row, SubjectKind::org, "id");
        case NamedThing::key:
        case NamedThing::token:
        case NamedThing::device: return read_subject(row, SubjectKind::key, "id");
        case NamedThing::role:
        case NamedThing::plan:
        case NamedThing::queue:
        case NamedThing::ticket: break;
    }
    return std::nullopt;
}

}  // namespace

std::vector<Recognized> recognize(db::Transaction &transaction, std::string const &id, std::string const &name,
                                  int most_names) {
    std::vector<Recognized> found;
    for (db::Row const row : transaction.exec(recognize_sql, {id, name, most_names})) {
        auto const thing = row.value<NamedThing>("thing");
        found.push_back({.thing = thing,
                         .id = row.text("id"),
                         .agent = row.optional_text("agent_id"),
                         .org = row.optional_text("org_id"),
                         .by_name = row.boolean("by_name"),
                         .subject = subject_of(row, thing)});
    }
    return found;
}

}  // namespace relay::sql
