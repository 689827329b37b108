#include "relay/completion/candidates_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/db/quick_query.hpp"
#include "relay/identity/states.hpp"
#include "relay/model/subject.hpp"

namespace relay::sql {
namespace {

// No letter of an id sorts after `~`, so `id < prefix || '~'` ends where the prefix does. So an index can be used,
// and nothing that is typed acts as a pattern.

constexpr auto orgs_sql = R"sql(
SELECT org.org_id AS id, org.name, '' AS owner, '' AS since, '' AS ticket,
       (SELECT max(CASE row.kind WHEN 'revoke' THEN 'revoked' ELSE 'blocked' END) FROM relay.standing_revocations AS row
        WHERE row.subject_kind = 'org' AND row.subject_id = org.org_id) AS state
FROM relay.organizations AS org
WHERE org.org_id >= $1::text AND org.org_id < $1::text || '~' AND org.org_id <> ALL ($2::text[])
  AND NOT EXISTS (SELECT FROM relay.standing_revocations AS row
                  WHERE row.subject_kind = 'org' AND row.subject_id = org.org_id AND row.kind = ANY ($3::text[]))
ORDER BY org.org_id LIMIT 200)sql";

constexpr auto agents_sql = R"sql(
SELECT agent.agent_id AS id, agent.name, agent.org_id AS owner, '' AS since, '' AS ticket,
       (SELECT max(CASE row.kind WHEN 'revoke' THEN 'revoked' ELSE 'blocked' END) FROM relay.standing_revocations AS row
        WHERE row.subject_kind = 'agent' AND row.subject_id = agent.agent_id) AS state
FROM relay.agents AS agent
WHERE agent.agent_id >= $1::text AND agent.agent_id < $1::text || '~' AND agent.agent_id <> ALL ($2::text[])
  AND NOT EXISTS (SELECT FROM relay.standing_revocations AS row
                  WHERE row.subject_kind = 'agent' AND row.subject_id = agent.agent_id AND row.kind = ANY ($3::text[]))
  AND ($4::text = '' OR agent.org_id = $4::text)
ORDER BY agent.agent_id LIMIT 200)sql";

// Starts from the few blocks and revocations. An id without an agent can be blocked too, but only what exists can be
// restored.
constexpr auto shut_out_sql = R"sql(
SELECT DISTINCT ON (row.subject_id) row.subject_id AS id, COALESCE(agent.name, org.name, '') AS name,
       COALESCE(agent.org_id, '') AS owner, to_char(row.at, 'YYYY-MM-DD') AS since, COALESCE(row.ticket, '') AS ticket,
       CASE row.kind WHEN 'revoke' THEN 'revoked' ELSE 'blocked' END AS state
FROM relay.standing_revocations AS row
LEFT JOIN relay.agents AS agent ON row.subject_kind = 'agent' AND agent.agent_id = row.subject_id
LEFT JOIN relay.organizations AS org ON row.subject_kind = 'org' AND org.org_id = row.subject_id
WHERE row.subject_id >= $1::text AND row.subject_id < $1::text || '~' AND row.subject_id <> ALL ($2::text[])
  AND row.kind = ANY ($3::text[]) AND ($4::text = '' OR agent.org_id = $4::text) AND row.subject_kind = $5::text
  AND (row.kind = 'block' OR agent.agent_id IS NOT NULL OR org.org_id IS NOT NULL)
ORDER BY row.subject_id, row.at DESC LIMIT 200)sql";

constexpr auto keys_sql = R"sql(
SELECT key.key_id AS id, agent.name, key.agent_id AS owner, to_char(key.created_at, 'YYYY-MM-DD') AS since, '' AS ticket,
       key.status AS state
FROM relay.key_status AS key
JOIN relay.agents AS agent ON agent.agent_id = key.agent_id
WHERE key.key_id >= $1::text AND key.key_id < $1::text || '~' AND key.key_id <> ALL ($2::text[])
  AND key.status = ANY ($3::text[]) AND ($4::text = '' OR key.org_id = $4::text) AND ($5::text = '' OR key.agent_id = $5::text)
ORDER BY key.key_id LIMIT 200)sql";

constexpr auto devices_sql = R"sql(
SELECT device.device_id AS id, device.name, device.agent_id AS owner, to_char(device.paired_at, 'YYYY-MM-DD') AS since, '' AS ticket,
       device.status AS state
FROM relay.device_status AS device
WHERE device.device_id >= $1::text AND device.device_id < $1::text || '~' AND device.device_id <> ALL ($2::text[])
  AND device.status = ANY ($3::text[]) AND ($4::text = '' OR device.org_id = $4::text) AND ($5::text = '' OR device.agent_id = $5::text)
ORDER BY device.device_id LIMIT 200)sql";

constexpr auto roles_sql = R"sql(
SELECT DISTINCT ON (role.role_id) role.role_id AS id, role.name, role.org_id AS owner, '' AS since, '' AS ticket, '' AS state
FROM relay.roles AS role
WHERE role.role_id >= $1::text AND role.role_id < $1::text || '~' AND role.role_id <> ALL ($2::text[])
  AND ($3::text = '' OR role.org_id = $3::text)
  AND ($4::text = '' OR role.org_id = (SELECT agent.org_id FROM relay.agents AS agent WHERE agent.agent_id = $4::text))
ORDER BY role.role_id, role.org_id LIMIT 200)sql";

std::string key_statuses(IdFilter wanted) {
    switch (wanted) {
        case IdFilter::live:
        case IdFilter::open:
            return db::array_text(std::vector{KeyStatus::staged, KeyStatus::active, KeyStatus::retiring});
        case IdFilter::revoked: return db::array_text(std::vector{KeyStatus::revoked});
        default: return db::array_text(all_texts<KeyStatus>());
    }
}

std::string device_statuses(IdFilter wanted) {
    using enum DeviceStatus;
    switch (wanted) {
        case IdFilter::open: return db::array_text(std::vector{active, expired});
        case IdFilter::live: return db::array_text(std::vector{active, blocked, expired});
        case IdFilter::blocked: return db::array_text(std::vector{blocked});
        case IdFilter::revoked: return db::array_text(std::vector{revoked});
        case IdFilter::all: break;
    }
    return db::array_text(all_texts<DeviceStatus>());
}

/// Returns the kinds (block, revoke) that must not be in force against a subject.
std::string unwanted_kinds(IdFilter wanted) {
    switch (wanted) {
        case IdFilter::open: return db::array_text(all_texts<StandingKind>());
        case IdFilter::live: return db::array_text(std::vector{StandingKind::revoke});
        default: return db::array_text(std::vector<StandingKind>());
    }
}

std::vector<db::TextRow> ask(db::Settings const &settings, CandidateQuery const &query,
                             db::Watchdog::Clock::time_point deadline) {
    std::string const taken = db::array_text(query.taken);
    if (query.kind == CandidateKind::key) {
        return quick_query(settings, keys_sql,
                           {query.prefix, taken, key_statuses(query.wanted), query.org, query.agent}, deadline);
    }
    if (query.kind == CandidateKind::device) {
        return quick_query(settings, devices_sql,
                           {query.prefix, taken, device_statuses(query.wanted), query.org, query.agent}, deadline);
    }
    if (query.kind == CandidateKind::role) {
        return quick_query(settings, roles_sql, {query.prefix, taken, query.org, query.agent}, deadline);
    }
    bool const of_orgs = query.kind == CandidateKind::org;
    if (query.wanted == IdFilter::blocked || query.wanted == IdFilter::revoked) {
        auto const kind = query.wanted == IdFilter::blocked ? StandingKind::block : StandingKind::revoke;
        auto const subject_kind = of_orgs ? SubjectKind::org : SubjectKind::agent;
        return quick_query(settings, shut_out_sql,
                           {query.prefix, taken, db::array_text(std::vector{kind}), of_orgs ? "" : query.org,
                            std::string(text_of(subject_kind))},
                           deadline);
    }
    std::string const kinds = unwanted_kinds(query.wanted);
    return of_orgs ? quick_query(settings, orgs_sql, {query.prefix, taken, kinds}, deadline)
                   : quick_query(settings, agents_sql, {query.prefix, taken, kinds, query.org}, deadline);
}

}  // namespace

std::vector<Candidate> find_candidates(db::Settings const &settings, CandidateQuery const &query,
                                       db::Watchdog::Clock::time_point deadline) {
    std::vector<Candidate> found;
    for (db::TextRow const &row : ask(settings, query, deadline)) {
        found.push_back({.id = row.at("id"),
                         .name = row.at("name"),
                         .owner = row.at("owner"),
                         .state = row.at("state"),
                         .since = row.at("since"),
                         .ticket = row.at("ticket")});
    }
    return found;
}

}  // namespace relay::sql
