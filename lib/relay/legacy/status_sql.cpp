#include "relay/legacy/status_sql.hpp"

#include "relay/db/list_text.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

constexpr auto count_sql = R"sql(
SELECT count(*) FILTER (WHERE state = 'imported') AS imported,
       count(*) FILTER (WHERE state = 'listed') AS listed,
       count(*) FILTER (WHERE state = 'issued') AS issued,
       count(*) FILTER (WHERE state = 'proven') AS proven,
       count(*) FILTER (WHERE state = 'revoked') AS revoked,
       count(*) FILTER (WHERE state IN ('listed', 'issued') AND last_seen_at > now() - make_interval(secs => $1)) AS on_shared_secret,
       count(*) FILTER (WHERE state IN ('listed', 'issued') AND last_seen_at <= now() - make_interval(secs => $1)) AS silent,
       count(*) FILTER (WHERE state IN ('listed', 'issued') AND last_seen_at IS NULL) AS never_seen
FROM relay.legacy_agent_status)sql";

// Failures count, too: a gateway that asks is listening. The first row found is enough.
constexpr auto watch_sql = R"sql(
SELECT (SELECT max(listed_at) FROM relay.legacy_agent_status WHERE state IN ('listed', 'issued')) AS listed_at,
       EXISTS (SELECT FROM relay.legacy_sightings WHERE logged_at >= $1::timestamptz)
       OR EXISTS (SELECT FROM relay.key_sightings WHERE last_used_at >= $1::timestamptz)
       OR EXISTS (SELECT FROM relay.auth_events
                  WHERE occurred_at >= $1::timestamptz
                    AND action IN ('authenticated', 'auth_failed', 'legacy_authenticated', 'legacy_denied')) AS asked)sql";

// Leaves out agents that used their own key before they were imported.
constexpr auto proven_since_sql = R"sql(
SELECT count(*) AS proven FROM relay.legacy_agent_status WHERE left_at > $1::timestamptz AND left_at >= imported_at)sql";

constexpr auto stragglers_sql = R"sql(
SELECT agent_id, org_id, owner, state, activity, wave, issued_key, issued_at, last_seen_at, last_seen_from
FROM (
    SELECT status.*, row_number() OVER (PARTITION BY activity ORDER BY last_seen_at DESC, owner, org_id, agent_id) AS place
    FROM (
        SELECT agent_id, org_id, owner, state, wave, issued_key, issued_at, last_seen_at, host(last_seen_from) AS last_seen_from,
               CASE WHEN last_seen_at > now() - make_interval(secs => $1) THEN 'on_shared_secret'
                    WHEN last_seen_at IS NOT NULL THEN 'silent' ELSE 'never_seen' END AS activity
        FROM relay.legacy_agent_status WHERE state IN ('listed', 'issued')
    ) AS status
) AS ranked
WHERE place <= $2::bigint
ORDER BY last_seen_at DESC NULLS LAST, place)sql";

constexpr auto owners_sql = R"sql(
SELECT owner, CASE WHEN owner IS NULL THEN org_id END AS org_id, count(*) AS "left",
       count(*) FILTER (WHERE state = 'listed') AS listed,
       count(*) FILTER (WHERE last_seen_at > now() - make_interval(secs => $1)) AS on_shared_secret,
       count(*) FILTER (WHERE last_seen_at <= now() - make_interval(secs => $1)) AS silent,
       count(*) FILTER (WHERE last_seen_at IS NULL) AS never_seen,
       max(last_seen_at) AS last_seen_at
FROM relay.legacy_agent_status WHERE state IN ('listed', 'issued')
GROUP BY 1, 2 ORDER BY on_shared_secret DESC, "left" DESC, 1, 2 LIMIT $2::bigint)sql";

// An agent counts from when it was listed (or got its own key without that) until it left or was revoked. Each of
// these moments counts from the first of the times that is not earlier. What happens after the last time, while this
// query runs, counts from the last time.
constexpr auto burn_down_sql = R"sql(
WITH way AS (
    SELECT entered_at, CASE WHEN gone_at IS NOT NULL THEN GREATEST(entered_at, gone_at) END AS gone_at
    FROM (
        SELECT COALESCE(status.listed_at,
                        CASE WHEN status.issued_key IS NOT NULL THEN GREATEST(status.imported_at, status.issued_at) END) AS entered_at,
               CASE status.state
                   WHEN 'proven' THEN status.left_at
                   WHEN 'revoked' THEN (
                       SELECT min(cut.at) FROM relay.revocations AS cut
                       WHERE cut.subject_id IN (status.agent_id, status.org_id) AND cut.kind = 'revoke'
                         AND cut.subject_id = CASE cut.subject_kind WHEN 'agent' THEN status.agent_id WHEN 'org' THEN status.org_id END
                         AND (cut.lifted_at IS NULL OR cut.lifted_at >= status.listed_at))
               END AS gone_at
        FROM relay.legacy_agent_status AS status
    ) AS known
    WHERE entered_at IS NOT NULL
)
SELECT place, sum(entered)::bigint AS entered, sum(gone)::bigint AS gone
FROM way CROSS JOIN LATERAL (VALUES (entered_at, 1, 0), (gone_at, 0, 1)) AS move (at, entered, gone)
    CROSS JOIN LATERAL (SELECT LEAST(width_bucket(move.at - interval '1 microsecond', $1::timestamptz[]) + 1,
                                     cardinality($1::timestamptz[])) AS place) AS grid
WHERE move.at IS NOT NULL
GROUP BY place ORDER BY place)sql";

}  // namespace

LegacyCounts count_legacy(db::Transaction &transaction, std::chrono::seconds quiet) {
    db::Rows const rows = transaction.exec(count_sql, {silence_to_prove(quiet)});
    db::Row const row = rows.one();
    return {.imported = row.integer("imported"),
            .listed = row.integer("listed"),
            .issued = row.integer("issued"),
            .proven = row.integer("proven"),
            .revoked = row.integer("revoked"),
            .on_shared_secret = row.integer("on_shared_secret"),
            .silent = row.integer("silent"),
            .never_seen = row.integer("never_seen")};
}

LegacyWatch legacy_watch(db::Transaction &transaction, LegacyWindow const &window) {
    db::Rows const rows = transaction.exec(watch_sql, {window.opened_at});
    return {.asked = rows.one().boolean("asked"), .listed_at = rows.one().optional_instant("listed_at")};
}

LegacyPace legacy_pace(db::Transaction &transaction, std::optional<LegacyWindow> const &window) {
    LegacyPace pace{.since = transaction.now() - std::chrono::days(7)};
    pace.since = window ? std::max(pace.since, window->opened_at) : pace.since;
    pace.proven = transaction.exec(proven_since_sql, {pace.since}).one().integer("proven");
    return pace;
}

std::vector<LegacyAgent> stragglers(db::Transaction &transaction, std::chrono::seconds quiet, std::int64_t limit) {
    std::vector<LegacyAgent> agents;
    db::Rows const rows = transaction.exec(stragglers_sql, {silence_to_prove(quiet), limit});
    for (db::Row const row : rows) {
        agents.push_back({.agent_id = row.id<AgentId>("agent_id"),
                          .org_id = row.id<OrgId>("org_id"),
                          .owner = row.optional_text("owner"),
                          .state = row.value<LegacyAgentState>("state"),
                          .activity = row.value<LegacyActivity>("activity"),
                          .wave = row.optional_integer("wave"),
                          .issued_key = row.optional_id<KeyId>("issued_key"),
                          .issued_at = row.optional_instant("issued_at"),
                          .last_seen_at = row.optional_instant("last_seen_at"),
                          .last_seen_from = row.optional_text("last_seen_from")});
    }
    return agents;
}

std::vector<LegacyOwner> straggling_owners(db::Transaction &transaction, std::chrono::seconds quiet,
                                           std::int64_t limit) {
    std::vector<LegacyOwner> owners;
    db::Rows const rows = transaction.exec(owners_sql, {silence_to_prove(quiet), limit});
    for (db::Row const row : rows) {
        owners.push_back({.owner = row.optional_text("owner"),
                          .org_id = row.optional_id<OrgId>("org_id"),
                          .left = row.integer("left"),
                          .listed = row.integer("listed"),
                          .on_shared_secret = row.integer("on_shared_secret"),
                          .silent = row.integer("silent"),
                          .never_seen = row.integer("never_seen"),
                          .last_seen_at = row.optional_instant("last_seen_at")});
    }
    return owners;
}

BurnDown burn_down(db::Transaction &transaction, std::vector<Instant> const &times) {
    BurnDown points;
    std::vector<std::string> texts;
    for (Instant const at : times) {
        points.push_back({.at = at});
        texts.push_back(format_instant_exact(at));
    }
    db::Rows const rows = transaction.exec(burn_down_sql, {db::array_text(texts)});
    for (db::Row const row : rows) {
        BurnDownPoint &point = points.at(static_cast<std::size_t>(row.integer("place")) - 1);
        point.total = row.integer("entered");
        point.left = row.integer("entered") - row.integer("gone");
    }
    for (std::size_t i = 1; i < points.size(); ++i) {
        points[i].total += points[i - 1].total;
        points[i].left += points[i - 1].left;
    }
    return points;
}

}  // namespace relay::sql
