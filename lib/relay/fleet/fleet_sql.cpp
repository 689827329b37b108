#include "relay/fleet/fleet_sql.hpp"

#include "relay/crypto/random_ids.hpp"
#include "relay/db/list_text.hpp"
#include "relay/identity/which_agents.hpp"

#include <set>
#include <string_view>
#include <utility>

namespace relay::sql {
namespace {

// Both in one statement: a rotation that is opened between two of them would be neither open nor later than the last one.
constexpr auto find_sql = R"sql(
SELECT open.rotation_id, open.began_order, open.began_at, COALESCE(open.rotation_id - 1, every.last, 0) AS last
FROM (SELECT max(rotation_id) AS last FROM relay.fleet_rotations WHERE request_id = ANY ($1::text[] COLLATE "C")) AS every
LEFT JOIN relay.fleet_rotations AS open
    ON open.request_id = ANY ($1::text[] COLLATE "C") AND open.ended_at IS NULL AND open.last_at >= now() - make_interval(secs => $2)
ORDER BY open.rotation_id DESC LIMIT 1)sql";

constexpr auto end_old_sql = R"sql(
UPDATE relay.fleet_rotations SET ended_at = now()
WHERE request_id = ANY ($1::text[] COLLATE "C") AND ended_at IS NULL AND last_at < now() - make_interval(secs => $2))sql";

// Also one that has ended since.
constexpr auto find_since_sql = R"sql(
SELECT rotation_id, began_order, began_at FROM relay.fleet_rotations
WHERE request_id = ANY ($1::text[] COLLATE "C") AND rotation_id > $2 ORDER BY rotation_id DESC LIMIT 1)sql";

constexpr auto open_sql = R"sql(
INSERT INTO relay.fleet_rotations (request_id, request, began_by) VALUES ($1, $2, $3)
ON CONFLICT (request_id) WHERE ended_at IS NULL DO NOTHING)sql";

constexpr auto note_work_sql = "UPDATE relay.fleet_rotations SET last_at = now() WHERE rotation_id = $1";

constexpr auto end_sql =
    "UPDATE relay.fleet_rotations SET ended_at = now() WHERE rotation_id = $1 AND ended_at IS NULL";

constexpr auto has_ended_sql = "SELECT count(ended_at) = 1 AS ended FROM relay.fleet_rotations WHERE rotation_id = $1";

constexpr std::int64_t page_size = 5000;  // as in the statements

// $1 to $6: whose. The subquery with a LIMIT is read in the order of an index.
std::string const page_of_agents = R"sql(
(SELECT agent.agent_id, agent.org_id, agent.owner, agent.labels FROM relay.agents AS agent
 WHERE agent.agent_id > $1 COLLATE "C" AND ($2::text IS NULL OR agent.org_id = $2) AND ($3::text IS NULL OR agent.owner = $3)
 ORDER BY agent.agent_id LIMIT 5000) AS member)sql";

std::string const named_agents = R"sql(
(SELECT agent.agent_id, agent.org_id, agent.owner, agent.labels
 FROM unnest($1::text[]) WITH ORDINALITY AS named (id, place) JOIN relay.agents AS agent ON agent.agent_id = named.id COLLATE "C"
 WHERE ($2::text IS NULL OR agent.org_id = $2) AND ($3::text IS NULL OR agent.owner = $3)
 ORDER BY named.place OFFSET 0) AS member)sql";

// The rules are those of one rotation (relay/identity/rotation.cpp, decide and reason_to_keep). $7: older than; $8: due within; $9: only
// those without a working key; $10: keys that were made after this place are new; $11: when
// the new keys end.
std::string const fates = R"sql(
LEFT JOIN LATERAL (
    SELECT key.key_id, key.made_order, key.created_at, key.due_at, key.settle_until, key.expires_at, key.status, key.hash_algorithm
    FROM relay.key_status AS key WHERE key.agent_id = member.agent_id AND key.state = 'active' OFFSET 0) AS active ON true
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE key.status IN ('staged', 'retiring', 'revoked')) AS others,
           COALESCE(bool_or(key.status = 'staged'), false) AS has_staged,
           COALESCE(bool_or(key.status = 'staged' AND key.settle_until <= now() AND key.hash_algorithm <> 'ed25519'), false) AS has_settled,
           COALESCE(bool_or(key.status = 'staged' AND key.hash_algorithm = 'ed25519'), false) AS has_public,
           COALESCE(bool_or(key.status = 'staged' AND key.first_used_at IS NOT NULL AND key.replaced_by IS NULL), false) AS has_proved
    FROM relay.key_status AS key WHERE key.agent_id = member.agent_id AND key.state IN ('staged', 'retiring') OFFSET 0) AS other ON true
CROSS JOIN LATERAL (
    SELECT COALESCE(bool_or(row.kind = 'revoke'), false) AS revoked, COALESCE(bool_or(row.kind = 'block'), false) AS blocked
    FROM relay.standing_revocations AS row
    WHERE row.subject_id IN (member.agent_id, member.org_id)
      AND row.subject_id = CASE row.subject_kind WHEN 'agent' THEN member.agent_id WHEN 'org' THEN member.org_id END OFFSET 0) AS standing
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN standing.revoked THEN 'revoked'
        WHEN standing.blocked THEN 'blocked'
        WHEN active.status = 'active' AND active.made_order > $10::bigint THEN 'done'
        -- Only the agent itself can make its next public key, so a fleet's run leaves it alone.
        WHEN CASE WHEN active.status = 'active' THEN active.hash_algorithm = 'ed25519' ELSE other.has_public END THEN 'not_due'
        WHEN $9::boolean AND (active.status = 'active' OR other.has_staged) THEN 'not_due'
        WHEN $9 THEN 'candidate'
        WHEN active.key_id IS NULL AND NOT EXISTS (SELECT FROM relay.agent_keys AS any_key WHERE any_key.agent_id = member.agent_id)
            THEN 'keyless'
        WHEN active.status IS DISTINCT FROM 'active' OR other.has_settled OR other.has_proved THEN 'candidate'
        WHEN active.created_at > now() - make_interval(secs => $7) THEN 'not_due'
        WHEN $8::bigint IS NOT NULL AND (active.due_at <= now() + make_interval(secs => $8)) IS NOT TRUE THEN 'not_due'
        ELSE 'candidate' END AS name,
        COALESCE(active.status = 'active' AND other.others = 0 AND (active.settle_until > now()) IS NOT TRUE
                 AND (active.expires_at < $11::timestamptz) IS NOT TRUE, false) AS usual OFFSET 0) AS fate
WHERE (NOT $4::boolean OR member.owner IS NULL)
  AND ($5::text[] IS NULL OR (member.labels @> jsonb_object($5::text[]) AND member.labels <> '{}'))
  AND ($6::text IS NULL OR member.agent_id LIKE $6))sql";

std::string const count_sql =
    "SELECT fate.name, count(*) AS agents FROM " + page_of_agents + fates + " GROUP BY fate.name";

// The end of the same page.
constexpr auto last_sql = R"sql(
SELECT max(page.agent_id COLLATE "C") AS last, count(*) AS agents
FROM (SELECT agent.agent_id FROM relay.agents AS agent
      WHERE agent.agent_id > $1 COLLATE "C" AND ($2::text IS NULL OR agent.org_id = $2) AND ($3::text IS NULL OR agent.owner = $3)
      ORDER BY agent.agent_id LIMIT 5000) AS page)sql";

std::string const candidate_columns =
    "SELECT member.agent_id, member.org_id, member.owner, active.key_id AS active, fate.usual, fate.name = 'candidate' "
    "AS is_due FROM ";
std::string const next_sql = candidate_columns + page_of_agents + fates +
                             " AND (fate.name = 'candidate' OR ($13::boolean AND fate.name = 'not_due')) ORDER BY "
                             "member.agent_id LIMIT $12::bigint";
std::string const named_sql = candidate_columns + named_agents + fates + " AND fate.name = 'candidate'";

constexpr auto lock_sql = R"sql(
SELECT agent.agent_id FROM relay.agents AS agent WHERE agent.agent_id = ANY ($1::text[] COLLATE "C")
ORDER BY agent.agent_id FOR NO KEY UPDATE SKIP LOCKED)sql";

std::vector<db::Param> params_of(FleetQuery const &query, db::Param first) {
    RotateFleet const &request = query.request;
    return {std::move(first),
            request.org,
            request.which.owner,
            request.which.unowned,
            pairs_or_null(request.which.labels),
            pattern_or_null(request.which.match),
            request.if_older_than,
            request.due_within,
            request.if_missing,
            query.began_order,
            request.expires_at};
}

db::Param place_of(std::optional<AgentId> const &after) { return after ? after->text() : std::string(); }

std::vector<Candidate> read_candidates(db::Rows const &rows) {
    std::vector<Candidate> found;
    for (db::Row const row : rows) {
        found.push_back({.agent = row.id<AgentId>("agent_id"),
                         .org = row.id<OrgId>("org_id"),
                         .owner = row.optional_text("owner"),
                         .active = row.optional_id<KeyId>("active"),
                         .usual = row.boolean("usual"),
                         .is_due = row.boolean("is_due")});
    }
    return found;
}

struct PageEnd {
    std::optional<AgentId> last{};
    bool is_full = false;
};
db::Pending<PageEnd> ask_end_of_page(db::Transaction &transaction, FleetQuery const &query,
                                     std::optional<AgentId> const &after) {
    return transaction.ask(last_sql, {place_of(after), query.request.org, query.request.which.owner},
                           [](db::Rows const &rows) -> PageEnd {
                               return {.last = rows.one().optional_id<AgentId>("last"),
                                       .is_full = rows.one().integer("agents") == page_size};
                           });
}

std::vector<OperationId> ids_of(FleetRequest const &request) {
    return {operation_id_for(request.text), operation_id_for(request.earlier_text)};
}

OpenRotation read_rotation(db::Row const &row) {
    return {.rotation_id = row.integer("rotation_id"),
            .began_order = row.integer("began_order"),
            .began_at = row.instant("began_at")};
}

}  // namespace

FoundRotation find_rotation(db::Transaction &transaction, FleetRequest const &request, std::chrono::seconds most_age) {
    db::Rows const rows = transaction.exec(find_sql, {db::array_text(ids_of(request)), most_age});
    FoundRotation found{.last_before = rows.one().integer("last")};
    if (rows.one().optional_integer("rotation_id")) {
        found.open = read_rotation(rows[0]);
        found.open->continued = true;
    }
    return found;
}

OpenRotation open_rotation(db::Transaction &transaction, FleetRequest const &request, std::chrono::seconds most_age,
                           std::int64_t last_before, Attribution const &by) {
    std::string const ids = db::array_text(ids_of(request));
    transaction.send(end_old_sql, {ids, most_age});
    db::Rows since = transaction.exec(find_since_sql, {ids, last_before});
    bool is_new = false;
    if (since.empty()) {
        is_new = transaction.exec(open_sql, {operation_id_for(request.text), request.text, by.actor}).affected() == 1;
        since = transaction.exec(find_since_sql, {ids, last_before});
    }
    transaction.confirm(!since.empty(), "the record of this rotation (relay.fleet_rotations)");
    OpenRotation open = read_rotation(since[0]);
    open.continued = !is_new;
    return open;
}

void note_work(db::Transaction &transaction, std::int64_t rotation_id) {
    transaction.send(note_work_sql, {rotation_id});
}

void end_rotation(db::Transaction &transaction, std::int64_t rotation_id) {
    transaction.send(end_sql, {rotation_id});
    transaction.confirm(transaction.exec(has_ended_sql, {rotation_id}).one().boolean("ended"),
                        "the end of this rotation (relay.fleet_rotations)");
}

std::optional<PageCounts> count_page(db::Transaction &transaction, FleetQuery const &query,
                                     std::optional<AgentId> const &after) {
    auto const end = ask_end_of_page(transaction, query, after);
    db::Rows const rows = transaction.exec(count_sql.c_str(), params_of(query, place_of(after)));
    std::optional<AgentId> const last = end.get().last;
    if (!last) {
        return std::nullopt;
    }
    PageCounts page{.last = *last};
    for (db::Row const row : rows) {
        std::int64_t const agents = row.integer("agents");
        std::string const name = row.text("name");
        std::pair<std::string_view, std::int64_t *> const fields[] = {{"candidate", &page.counts.candidates},
                                                                      {"not_due", &page.counts.not_due},
                                                                      {"done", &page.counts.done},
                                                                      {"blocked", &page.counts.blocked},
                                                                      {"revoked", &page.counts.revoked},
                                                                      {"keyless", &page.counts.keyless}};
        for (auto const &[known, field] : fields) {
            *field += name == known ? agents : 0;
        }
    }
    return page;
}

CandidatePage next_candidates(db::Transaction &transaction, FleetQuery const &query,
                              std::optional<AgentId> const &after, std::int64_t most) {
    auto const end = ask_end_of_page(transaction, query, after);
    std::vector<db::Param> params = params_of(query, place_of(after));
    params.emplace_back(most);
    params.emplace_back(query.also_not_due);
    CandidatePage page{.candidates = read_candidates(transaction.exec(next_sql.c_str(), params))};
    if (page.candidates.size() == static_cast<std::size_t>(most)) {
        page.next = page.candidates.back().agent;
    } else if (PageEnd const at = end.get(); at.is_full) {
        page.next = at.last;
    }
    return page;
}

std::vector<Candidate> find_candidates(db::Transaction &transaction, FleetQuery const &query,
                                       std::vector<AgentId> const &agents) {
    return read_candidates(transaction.exec(named_sql.c_str(), params_of(query, db::array_text(agents))));
}

Locked lock_candidates(db::Transaction &transaction, FleetQuery const &query, std::vector<AgentId> const &agents) {
    auto const asked = transaction.ask(lock_sql, {db::array_text(agents)}, [](db::Rows const &rows) {
        std::set<AgentId> found;
        for (db::Row const row : rows) {
            found.insert(row.id<AgentId>("agent_id"));
        }
        return found;
    });
    // A second statement, because it must see what other sessions have committed before they let go of the locks.
    std::vector<Candidate> candidates = find_candidates(transaction, query, agents);
    std::set<AgentId> const ours = asked.get();
    Locked result;
    for (Candidate &candidate : candidates) {
        if (ours.contains(candidate.agent)) {
            result.candidates.push_back(std::move(candidate));
        } else {
            result.held_by_others.push_back(candidate.agent);
        }
    }
    return result;
}

}  // namespace relay::sql
