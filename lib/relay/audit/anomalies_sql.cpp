#include "relay/audit/anomalies_sql.hpp"

namespace relay::sql {
namespace {

// $1: since when. $2: only this organization. All have the same columns. One host can use every address of its IPv6 /64.

// The agent was seen from elsewhere before: otherwise it is merely new. Sightings are kept 30 days.
constexpr auto new_address_sql = R"sql(
WITH seen AS (
    SELECT key.org_id, key.agent_id, seen.key_id, seen.first_used_at, seen.last_used_at, seen.uses,
           CASE WHEN family(seen.ip_address) = 6 THEN network(set_masklen(seen.ip_address, 64)) ELSE seen.ip_address END AS source
    FROM relay.key_sightings AS seen JOIN relay.agent_keys AS key ON key.key_id = seen.key_id
    WHERE seen.ip_address <> '::' AND ($2::text IS NULL OR key.org_id = $2)
      AND key.agent_id IN (SELECT k.agent_id FROM relay.key_sightings AS s JOIN relay.agent_keys AS k ON k.key_id = s.key_id
                           WHERE s.first_used_at >= $1::timestamptz)
)
SELECT 'new_address' AS kind, org_id, agent_id, max(key_id) AS key_id, abbrev(source) AS ip_address, min(first_used_at) AS first_at,
       max(last_used_at) AS last_at, sum(uses)::bigint AS times
FROM seen GROUP BY org_id, agent_id, source
HAVING min(first_used_at) >= $1::timestamptz
   AND EXISTS (SELECT FROM seen AS before WHERE before.agent_id = seen.agent_id AND before.first_used_at < min(seen.first_used_at))
ORDER BY first_at DESC, agent_id, ip_address)sql";

constexpr auto dead_key_sql = R"sql(
SELECT 'dead_key_used' AS kind, org_id, agent_id, key_id, max(host(ip_address)) AS ip_address, min(occurred_at) AS first_at,
       max(occurred_at) AS last_at, sum(times)::bigint AS times
FROM relay.recorded_events
WHERE occurred_at >= $1::timestamptz AND outcome = 'failed' AND action = 'auth_failed' AND reason IN ('retired', 'revoked', 'expired')
  AND ($2::text IS NULL OR org_id = $2)
GROUP BY org_id, agent_id, key_id ORDER BY last_at DESC, key_id)sql";

// $3: more failures than this.
constexpr auto by_address_sql = R"sql(
SELECT 'failures_from_address' AS kind, NULL AS org_id, NULL AS agent_id, NULL AS key_id, abbrev(source) AS ip_address,
       min(occurred_at) AS first_at, max(occurred_at) AS last_at, sum(times)::bigint AS times
FROM (SELECT occurred_at, times, CASE WHEN family(ip_address) = 6 THEN network(set_masklen(ip_address, 64)) ELSE ip_address END AS source
      FROM relay.recorded_events
      WHERE occurred_at >= $1::timestamptz AND outcome = 'failed' AND ip_address IS NOT NULL
        AND ($2::text IS NULL OR org_id = $2
             OR (agent_id IS NULL AND key_id IN (SELECT key.key_id FROM relay.agent_keys AS key WHERE key.org_id = $2)))) AS failed
GROUP BY source HAVING sum(times) > $3::bigint ORDER BY times DESC, ip_address)sql";

constexpr auto by_key_sql = R"sql(
SELECT 'failures_of_key' AS kind, key.org_id, key.agent_id, key.key_id, NULL AS ip_address, min(event.occurred_at) AS first_at,
       max(event.occurred_at) AS last_at, sum(event.times)::bigint AS times
FROM relay.recorded_events AS event JOIN relay.agent_keys AS key ON key.key_id = event.key_id
WHERE event.occurred_at >= $1::timestamptz AND event.outcome = 'failed' AND ($2::text IS NULL OR key.org_id = $2)
GROUP BY key.org_id, key.agent_id, key.key_id HAVING sum(event.times) > $3::bigint ORDER BY times DESC, key_id)sql";

// A use is recorded once a minute, so uses within a minute of each other count as at the same time.
constexpr auto two_places_sql = R"sql(
WITH seen AS (
    SELECT key.org_id, key.agent_id, seen.key_id, seen.first_used_at, seen.last_used_at, seen.uses,
           CASE WHEN family(seen.ip_address) = 6 THEN network(set_masklen(seen.ip_address, 64)) ELSE seen.ip_address END AS source
    FROM relay.key_sightings AS seen JOIN relay.agent_keys AS key ON key.key_id = seen.key_id
    WHERE seen.last_used_at >= $1::timestamptz AND seen.ip_address <> '::' AND ($2::text IS NULL OR key.org_id = $2)
)
SELECT 'two_places' AS kind, one.org_id, one.agent_id, one.key_id, string_agg(DISTINCT abbrev(one.source), ', ' ORDER BY abbrev(one.source)) AS ip_address,
       min(greatest(one.first_used_at, other.first_used_at)) AS first_at, max(least(one.last_used_at, other.last_used_at)) AS last_at,
       count(DISTINCT one.source) AS times
FROM seen AS one JOIN seen AS other ON other.key_id = one.key_id AND other.source <> one.source
WHERE greatest(one.first_used_at, other.first_used_at) - interval '1 minute' <= least(one.last_used_at, other.last_used_at)
GROUP BY one.org_id, one.agent_id, one.key_id ORDER BY last_at DESC, key_id)sql";

// $3: seconds. An agent that was never used counts from its creation.
constexpr auto silence_sql = R"sql(
SELECT 'long_silence' AS kind, agent.org_id, agent.agent_id, first.key_id, host(first.ip_address) AS ip_address, before.at AS first_at,
       first.occurred_at AS last_at, floor(extract(epoch FROM first.occurred_at - before.at) / 86400)::bigint AS times
FROM (SELECT a.agent_id, a.org_id, a.created_at FROM relay.agents AS a
      WHERE ($2::text IS NULL OR a.org_id = $2)
        AND EXISTS (SELECT FROM relay.agent_keys AS key JOIN relay.key_sightings AS seen ON seen.key_id = key.key_id
                    WHERE key.agent_id = a.agent_id AND seen.last_used_at >= $1::timestamptz)) AS agent
CROSS JOIN LATERAL (SELECT event.occurred_at, event.key_id, event.ip_address FROM relay.auth_events AS event
                    WHERE event.agent_id = agent.agent_id AND event.action = 'authenticated' AND event.occurred_at >= $1::timestamptz
                    ORDER BY event.occurred_at LIMIT 1) AS first
CROSS JOIN LATERAL (SELECT COALESCE(
                        (SELECT event.occurred_at FROM relay.auth_events AS event
                         WHERE event.agent_id = agent.agent_id AND event.action = 'authenticated' AND event.occurred_at < $1::timestamptz
                         ORDER BY event.occurred_at DESC LIMIT 1), agent.created_at) AS at) AS before
WHERE before.at < first.occurred_at - make_interval(secs => $3::bigint)
ORDER BY last_at DESC, agent_id)sql";

constexpr auto permissions_sql = R"sql(
SELECT 'permission_burst' AS kind, org_id, agent_id, NULL AS key_id, max(host(ip_address)) AS ip_address, min(occurred_at) AS first_at,
       max(occurred_at) AS last_at, sum(times)::bigint AS times
FROM relay.recorded_events
WHERE occurred_at >= $1::timestamptz AND outcome = 'failed' AND action = 'authorization_failed' AND reason = 'permission_missing' AND agent_id IS NOT NULL
  AND ($2::text IS NULL OR org_id = $2)
GROUP BY org_id, agent_id HAVING sum(times) > $3::bigint ORDER BY times DESC, agent_id)sql";

void add(std::vector<Anomaly> &found, db::Rows const &rows) {
    for (db::Row const row : rows) {
        found.push_back({.kind = row.value<AnomalyKind>("kind"),
                         .org_id = row.optional_id<OrgId>("org_id"),
                         .agent_id = row.optional_id<AgentId>("agent_id"),
                         .key_id = row.optional_id<KeyId>("key_id"),
                         .ip_address = row.optional_text("ip_address"),
                         .first_at = row.instant("first_at"),
                         .last_at = row.instant("last_at"),
                         .times = row.integer("times")});
    }
}

}  // namespace

std::vector<Anomaly> anomalies(db::Transaction &transaction, FindAnomalies const &request, Instant since) {
    std::vector<Anomaly> found;
    add(found, transaction.exec(new_address_sql, {since, request.org}));
    add(found, transaction.exec(dead_key_sql, {since, request.org}));
    add(found, transaction.exec(two_places_sql, {since, request.org}));
    add(found, transaction.exec(silence_sql, {since, request.org, request.silence}));
    add(found, transaction.exec(by_key_sql, {since, request.org, request.most_failures}));
    add(found, transaction.exec(by_address_sql, {since, request.org, request.most_failures}));
    add(found, transaction.exec(permissions_sql, {since, request.org, request.most_refusals}));
    return found;
}

}  // namespace relay::sql
