#include "relay/audit/anomalies_sql.hpp"

namespace relay::sql {
namespace {

// $1: since when. $2: only this organization. $3: how many at most. All have the same columns; `found` is how many there
// are. One host can use every address of its IPv6 /64.

// The agent was seen from elsewhere before: one that has several hosts from its first day on is merely new. Sightings are
// kept 30 days.
constexpr auto new_address_sql = R"sql(
WITH seen AS (
    SELECT key.org_id, key.agent_id, seen.key_id, seen.first_used_at, seen.last_used_at, seen.uses,
           CASE WHEN family(seen.ip_address) = 6 THEN network(set_masklen(seen.ip_address, 64)) ELSE seen.ip_address END AS source
    FROM relay.key_sightings AS seen JOIN relay.agent_keys AS key ON key.key_id = seen.key_id
    WHERE seen.ip_address <> '::' AND ($2::text IS NULL OR key.org_id = $2)
      AND key.agent_id IN (SELECT k.agent_id FROM relay.key_sightings AS s JOIN relay.agent_keys AS k ON k.key_id = s.key_id
                           WHERE s.first_used_at >= $1::timestamptz)
), sources AS (
    SELECT org_id, agent_id, max(key_id) AS key_id, source, min(first_used_at) AS first_at, max(last_used_at) AS last_at, sum(uses) AS times,
           min(min(first_used_at)) OVER (PARTITION BY org_id, agent_id) AS agent_first_at
    FROM seen GROUP BY org_id, agent_id, source
)
SELECT org_id, agent_id, key_id, abbrev(source) AS ip_address, first_at, last_at, times::bigint AS times,
       count(*) OVER () AS found
FROM sources WHERE first_at >= $1::timestamptz AND agent_first_at < GREATEST($1::timestamptz, first_at - interval '1 day')
ORDER BY first_at DESC, agent_id, ip_address LIMIT $3::bigint)sql";

// A block is the first reason of a refusal, and a wrong claim of an agent or organization the last one. So under a block
// the key itself says whether it had ended.
constexpr auto dead_key_sql = R"sql(
WITH refused AS (
    SELECT event.org_id, event.agent_id, event.key_id, event.ip_address, event.occurred_at, event.times, event.reason
    FROM relay.recorded_events AS event
    WHERE event.occurred_at >= $1::timestamptz AND event.outcome = 'failed' AND event.action = 'auth_failed'
      AND event.reason IN ('retired', 'revoked', 'expired', 'blocked') AND event.agent_id IS NOT NULL
      AND ($2::text IS NULL OR event.org_id = $2)
)
SELECT org_id, agent_id, key_id, max(host(ip_address)) AS ip_address, min(occurred_at) AS first_at,
       max(occurred_at) AS last_at, sum(times)::bigint AS times, count(*) OVER () AS found
FROM refused
WHERE reason <> 'blocked'
   OR EXISTS (SELECT FROM relay.agent_keys AS key
              WHERE key.key_id = refused.key_id AND LEAST(key.retired_at, key.revoked_at, key.expires_at) <= refused.occurred_at)
GROUP BY org_id, agent_id, key_id ORDER BY last_at DESC, key_id LIMIT $3::bigint)sql";

// $4: more failures than this.
constexpr auto by_address_sql = R"sql(
SELECT NULL AS org_id, NULL AS agent_id, NULL AS key_id, abbrev(source) AS ip_address,
       min(occurred_at) AS first_at, max(occurred_at) AS last_at, sum(times)::bigint AS times, count(*) OVER () AS found
FROM (SELECT occurred_at, times, CASE WHEN family(ip_address) = 6 THEN network(set_masklen(ip_address, 64)) ELSE ip_address END AS source
      FROM relay.recorded_events
      WHERE occurred_at >= $1::timestamptz AND outcome = 'failed' AND ip_address IS NOT NULL
        AND ($2::text IS NULL OR org_id = $2
             OR (agent_id IS NULL AND key_id IN (SELECT key.key_id FROM relay.agent_keys AS key WHERE key.org_id = $2)))) AS failed
GROUP BY source HAVING sum(times) > $4::bigint ORDER BY times DESC, ip_address LIMIT $3::bigint)sql";

constexpr auto by_key_sql = R"sql(
SELECT key.org_id, key.agent_id, key.key_id, NULL AS ip_address, min(event.occurred_at) AS first_at,
       max(event.occurred_at) AS last_at, sum(event.times)::bigint AS times, count(*) OVER () AS found
FROM relay.recorded_events AS event JOIN relay.agent_keys AS key ON key.key_id = event.key_id
WHERE event.occurred_at >= $1::timestamptz AND event.outcome = 'failed' AND ($2::text IS NULL OR key.org_id = $2)
GROUP BY key.org_id, key.agent_id, key.key_id HAVING sum(event.times) > $4::bigint ORDER BY times DESC, key_id LIMIT $3::bigint)sql";

// Only keys with an address that is new since $1, so that a key of two hosts is found once. The events are in the order
// of time: two that follow each other within a minute are from two places together, and so is one that lies between two
// from another place within two hours, because a key that is in use has an event in every hour.
constexpr auto two_places_sql = R"sql(
WITH seen AS (
    SELECT key.org_id, key.agent_id, seen.key_id, seen.first_used_at, seen.last_used_at,
           CASE WHEN family(seen.ip_address) = 6 THEN network(set_masklen(seen.ip_address, 64)) ELSE seen.ip_address END AS source
    FROM relay.key_sightings AS seen JOIN relay.agent_keys AS key ON key.key_id = seen.key_id
    WHERE seen.last_used_at >= $1::timestamptz AND seen.ip_address <> '::' AND ($2::text IS NULL OR key.org_id = $2)
), sources AS (
    SELECT org_id, agent_id, key_id, source, min(first_used_at) AS first_at FROM seen GROUP BY org_id, agent_id, key_id, source
), keys AS (
    SELECT org_id, agent_id, key_id FROM sources
    GROUP BY org_id, agent_id, key_id HAVING count(*) > 1 AND max(first_at) >= $1::timestamptz
), uses AS (
    SELECT keys.key_id, event.occurred_at AS at,
           CASE WHEN family(event.ip_address) = 6 THEN network(set_masklen(event.ip_address, 64)) ELSE event.ip_address END AS source
    FROM keys JOIN relay.auth_events AS event ON event.agent_id = keys.agent_id AND event.key_id = keys.key_id
    WHERE event.occurred_at >= $1::timestamptz AND event.action = 'authenticated' AND event.ip_address IS NOT NULL
    UNION ALL
    -- What gateways reported has no events.
    SELECT seen.key_id, at, seen.source
    FROM keys JOIN seen ON seen.key_id = keys.key_id CROSS JOIN LATERAL (VALUES (seen.first_used_at), (seen.last_used_at)) AS bound (at)
    WHERE at >= $1::timestamptz
), ordered AS (
    SELECT key_id, at, source, lead(source) OVER by_key AS next_source, lead(at) OVER by_key AS next_at,
           lead(at) OVER (PARTITION BY key_id, source ORDER BY at) AS back_at
    FROM uses WINDOW by_key AS (PARTITION BY key_id ORDER BY at, source)
), together AS (
    SELECT ordered.key_id, ordered.source, ordered.next_source, ordered.at, ordered.next_at
    FROM ordered
    JOIN sources AS one ON one.key_id = ordered.key_id AND one.source = ordered.source
    JOIN sources AS other ON other.key_id = ordered.key_id AND other.source = ordered.next_source
    WHERE ordered.next_source <> ordered.source AND GREATEST(one.first_at, other.first_at) >= $1::timestamptz
      AND (ordered.next_at <= ordered.at + interval '1 minute' OR ordered.back_at <= ordered.at + interval '2 hours')
), places AS (
    SELECT key_id, source, min(at) AS first_at, max(next_at) AS last_at,
           row_number() OVER (PARTITION BY key_id ORDER BY source) AS number
    FROM (SELECT key_id, source, at, next_at FROM together UNION ALL SELECT key_id, next_source, at, next_at FROM together) AS each
    GROUP BY key_id, source
)
SELECT keys.org_id, keys.agent_id, keys.key_id,
       string_agg(abbrev(places.source), ', ' ORDER BY abbrev(places.source)) FILTER (WHERE places.number <= 3) AS ip_address,
       min(places.first_at) AS first_at, max(places.last_at) AS last_at, count(*) AS times, count(*) OVER () AS found
FROM places JOIN keys ON keys.key_id = places.key_id
GROUP BY keys.org_id, keys.agent_id, keys.key_id ORDER BY last_at DESC, key_id LIMIT $3::bigint)sql";

// $4: seconds. A use with the shared secret, or one that a gateway reported, is not a silence either; an agent that was never
// used counts from its creation. Only in a window that is longer than the silence can a silence begin and end: otherwise
// the first use of each agent is enough.
constexpr auto silence_sql = R"sql(
WITH seen AS (
    SELECT key.agent_id, seen.key_id, NULLIF(seen.ip_address, '::') AS ip_address, seen.first_used_at, seen.last_used_at, seen.proven_at,
           seen.reported_by
    FROM relay.key_sightings AS seen JOIN relay.agent_keys AS key ON key.key_id = seen.key_id
    WHERE $2::text IS NULL OR key.org_id = $2
), agents_seen AS (
    SELECT seen.agent_id,
           GREATEST(max(seen.first_used_at) FILTER (WHERE seen.first_used_at < $1::timestamptz),
                    max(seen.last_used_at) FILTER (WHERE seen.last_used_at < $1::timestamptz),
                    max(seen.proven_at) FILTER (WHERE seen.proven_at < $1::timestamptz)) AS seen_at
    FROM seen GROUP BY seen.agent_id HAVING max(seen.last_used_at) >= $1::timestamptz
), active AS (
    SELECT agent.agent_id, agent.org_id, agent.created_at, agents_seen.seen_at,
           (SELECT max(shared.logged_at) FROM relay.legacy_sightings AS shared
            WHERE shared.agent_id = agent.agent_id AND shared.logged_at < $1::timestamptz) AS shared_at
    FROM agents_seen JOIN relay.agents AS agent ON agent.agent_id = agents_seen.agent_id
), uses AS (
    SELECT active.agent_id, event.key_id, event.ip_address, event.occurred_at AS at, event.action = 'authenticated' AS counts
    FROM active
    CROSS JOIN LATERAL (
        SELECT event.key_id, event.ip_address, event.occurred_at, event.action FROM relay.auth_events AS event
        WHERE event.agent_id = active.agent_id AND event.action IN ('authenticated', 'legacy_authenticated')
          AND event.occurred_at >= $1::timestamptz
        ORDER BY event.occurred_at
        LIMIT CASE WHEN statement_timestamp() - $1::timestamptz > make_interval(secs => $4::bigint) THEN NULL ELSE 1 END) AS event
    UNION ALL
    SELECT seen.agent_id, seen.key_id, seen.ip_address, seen.first_used_at, true FROM seen WHERE seen.first_used_at >= $1::timestamptz
    UNION ALL
    SELECT seen.agent_id, seen.key_id, seen.ip_address, seen.last_used_at, false FROM seen
    WHERE seen.last_used_at >= $1::timestamptz AND seen.reported_by IS NOT NULL
    UNION ALL
    SELECT active.agent_id, NULL, NULL, before.at, false
    FROM active
    CROSS JOIN LATERAL (SELECT GREATEST(
        active.created_at, active.seen_at, active.shared_at,
        (SELECT event.occurred_at FROM relay.auth_events AS event
         WHERE event.agent_id = active.agent_id AND event.action IN ('authenticated', 'legacy_authenticated')
           AND event.occurred_at < $1::timestamptz
         ORDER BY event.occurred_at DESC LIMIT 1)) AS at) AS before
), gaps AS (
    SELECT agent_id, key_id, ip_address, at, counts, lag(at) OVER (PARTITION BY agent_id ORDER BY at, counts DESC) AS before_at FROM uses
)
SELECT active.org_id, gaps.agent_id, gaps.key_id, host(gaps.ip_address) AS ip_address, gaps.before_at AS first_at,
       gaps.at AS last_at, floor(extract(epoch FROM gaps.at - gaps.before_at) / 86400)::bigint AS times, count(*) OVER () AS found
FROM gaps JOIN active ON active.agent_id = gaps.agent_id
WHERE gaps.counts AND gaps.at >= $1::timestamptz AND gaps.before_at < gaps.at - make_interval(secs => $4::bigint)
ORDER BY last_at DESC, agent_id LIMIT $3::bigint)sql";

constexpr auto permissions_sql = R"sql(
SELECT org_id, agent_id, NULL AS key_id, max(host(ip_address)) AS ip_address, min(occurred_at) AS first_at,
       max(occurred_at) AS last_at, sum(times)::bigint AS times, count(*) OVER () AS found
FROM relay.recorded_events
WHERE occurred_at >= $1::timestamptz AND outcome = 'failed' AND action = 'authorization_failed' AND reason = 'permission_missing' AND agent_id IS NOT NULL
  AND ($2::text IS NULL OR org_id = $2)
GROUP BY org_id, agent_id HAVING sum(times) > $4::bigint ORDER BY times DESC, agent_id LIMIT $3::bigint)sql";

struct Search {
    char const *sql;
    std::optional<db::Param> threshold;
};

Search search_for(AnomalyKind kind, FindAnomalies const &request) {
    switch (kind) {
        case AnomalyKind::new_address: return {new_address_sql, std::nullopt};
        case AnomalyKind::dead_key_used: return {dead_key_sql, std::nullopt};
        case AnomalyKind::failures_from_address: return {by_address_sql, request.most_failures};
        case AnomalyKind::failures_of_key: return {by_key_sql, request.most_failures};
        case AnomalyKind::two_places: return {two_places_sql, std::nullopt};
        case AnomalyKind::long_silence: return {silence_sql, request.silence};
        case AnomalyKind::permission_burst: break;
    }
    return {permissions_sql, request.most_refusals};
}

}  // namespace

AnomaliesOfKind anomalies(db::Transaction &transaction, AnomalyKind kind, FindAnomalies const &request, Instant since) {
    Search const search = search_for(kind, request);
    std::vector<db::Param> params{since, request.org, request.most_of_kind};
    if (search.threshold) {
        params.push_back(*search.threshold);
    }
    AnomaliesOfKind found;
    for (db::Row const row : transaction.exec(search.sql, params)) {
        found.first.push_back({.kind = kind,
                               .org_id = row.optional_id<OrgId>("org_id"),
                               .agent_id = row.optional_id<AgentId>("agent_id"),
                               .key_id = row.optional_id<KeyId>("key_id"),
                               .ip_address = row.optional_text("ip_address"),
                               .first_at = row.instant("first_at"),
                               .last_at = row.instant("last_at"),
                               .times = row.integer("times")});
        found.count = row.integer("found");
    }
    return found;
}

}  // namespace relay::sql
