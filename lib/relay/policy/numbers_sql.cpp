#include "relay/policy/numbers_sql.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

// Each statement groups by organization only if $1 is true.

constexpr auto orgs_sql = "SELECT org_id FROM relay.organizations ORDER BY org_id";

// The status is that of relay.agent_status. The view asks about each agent on its own; here few blocks meet many agents.
constexpr auto agents_sql = R"sql(
WITH standing AS (
    SELECT subject_kind, subject_id, bool_or(kind = 'revoke') AS revoked FROM relay.standing_revocations GROUP BY 1, 2)
SELECT CASE WHEN $1::boolean THEN agent.org_id END AS org_id,
       CASE WHEN own.revoked OR org.revoked THEN 'revoked' WHEN own.subject_id IS NOT NULL OR org.subject_id IS NOT NULL THEN 'blocked'
            ELSE 'active' END AS status,
       count(*) AS agents
FROM relay.agents AS agent
LEFT JOIN standing AS own ON own.subject_kind = 'agent' AND own.subject_id = agent.agent_id
LEFT JOIN standing AS org ON org.subject_kind = 'org' AND org.subject_id = agent.org_id
GROUP BY 1, 2)sql";

// Likewise the status of relay.key_status: a revocation ends the keys that are older than its cut-off.
constexpr auto key_numbers_sql = R"sql(
WITH ended AS (
    SELECT subject_kind, subject_id, max(CASE WHEN lifted_at IS NULL THEN 9223372036854775807 ELSE cut_off END) AS cut_off
    FROM relay.revocations WHERE kind = 'revoke' GROUP BY 1, 2
), keys AS (
    SELECT key.org_id, key.created_at,
           CASE WHEN key.state = 'revoked' OR greatest(own.cut_off, agent.cut_off, org.cut_off) > key.made_order THEN 'revoked'
                WHEN key.state = 'retired' THEN 'retired'
                WHEN key.expires_at <= now() THEN 'expired'
                ELSE key.state END AS status
    FROM relay.agent_keys AS key
    LEFT JOIN ended AS own ON own.subject_kind = 'key' AND own.subject_id = key.key_id
    LEFT JOIN ended AS agent ON agent.subject_kind = 'agent' AND agent.subject_id = key.agent_id
    LEFT JOIN ended AS org ON org.subject_kind = 'org' AND org.subject_id = key.org_id)
SELECT CASE WHEN $1::boolean THEN org_id END AS org_id, status, count(*) AS keys,
       floor(extract(epoch FROM now() - min(created_at) FILTER (WHERE status = 'active')))::bigint AS oldest
FROM keys GROUP BY 1, 2)sql";

constexpr auto due_numbers_sql = R"sql(
SELECT CASE WHEN $1::boolean THEN org_id END AS org_id, count(*) AS due, count(*) FILTER (WHERE listed_from <= now()) AS overdue
FROM relay.due_keys WHERE listed_from <= now() + make_interval(secs => $2)
GROUP BY 1)sql";

constexpr auto unused_sql = R"sql(
SELECT CASE WHEN $1::boolean THEN org_id END AS org_id, count(DISTINCT agent_id) AS unused FROM relay.unused_replacements GROUP BY 1)sql";

constexpr auto rotations_sql = R"sql(
SELECT CASE WHEN $1::boolean THEN old.org_id END AS org_id, max(new.created_at) AS last_rotation_at
FROM relay.agent_keys AS old JOIN relay.agent_keys AS new ON new.key_id = old.replaced_by
GROUP BY 1)sql";

constexpr auto failures_sql = R"sql(
SELECT CASE WHEN $1::boolean THEN org_id END AS org_id, sum(times)::bigint AS failures
FROM relay.recorded_events WHERE outcome = 'failed' AND occurred_at > now() - interval '1 hour'
GROUP BY 1)sql";

constexpr auto legacy_sql = R"sql(
SELECT CASE WHEN $1::boolean THEN org_id END AS org_id, state, count(*) AS agents FROM relay.legacy_agent_status GROUP BY 1, 2)sql";

constexpr auto running_sql =
    "SELECT CASE WHEN $1::boolean THEN org_id END AS org_id, agents, late FROM relay.running_counts()";

template <typename T>
void keep_greatest(std::optional<T> &target, std::optional<T> const &value) {
    if (value) {
        target = target ? std::max(*target, *value) : *value;
    }
}

/// The numbers of everything, and of the organization of a row.
class Collection {
  public:
    explicit Collection(std::vector<OrgId> const &orgs) {
        m_all.emplace_back();
        for (OrgId const &org : orgs) {
            m_places.emplace(org, m_all.size());
            m_all.push_back({.org_id = org});
        }
    }
    /// Passes what a row counts for to `add`.
    template <typename Add>
    void count(db::Row const &row, Add const &add) {
        add(m_all.front());
        auto const org = row.optional_id<OrgId>("org_id");
        if (auto const place = org ? m_places.find(*org) : m_places.end(); place != m_places.end()) {
            add(m_all[place->second]);
        }
    }
    std::vector<FleetNumbers> take() { return std::move(m_all); }

  private:
    std::vector<FleetNumbers> m_all{};
    std::map<OrgId, std::size_t> m_places{};
};

void add_key_row(FleetNumbers &numbers, db::Row const &row) {
    numbers.keys[row.value<KeyStatus>("status")] += row.integer("keys");
    keep_greatest(numbers.oldest_active_key, row.optional_seconds("oldest"));
}

}  // namespace

std::vector<FleetNumbers> read_numbers(db::Transaction &transaction, NumbersRequest const &request) {
    std::vector<OrgId> orgs;
    if (request.by_org) {
        orgs = transaction.exec(orgs_sql).ids<OrgId>("org_id");
    }
    Collection collection(orgs);
    auto const read = [&](char const *sql, std::vector<db::Param> const &params, auto const &add) {
        db::Rows const rows = transaction.exec(sql, params);
        for (db::Row const row : rows) {
            collection.count(row, [&](FleetNumbers &numbers) { add(numbers, row); });
        }
    };
    read(agents_sql, {request.by_org}, [](FleetNumbers &numbers, db::Row const &row) {
        numbers.agents[row.value<Status>("status")] += row.integer("agents");
    });
    read(key_numbers_sql, {request.by_org}, add_key_row);
    read(due_numbers_sql, {request.by_org, request.due_within}, [](FleetNumbers &numbers, db::Row const &row) {
        numbers.keys_due += row.integer("due");
        numbers.keys_overdue += row.integer("overdue");
    });
    read(unused_sql, {request.by_org},
         [](FleetNumbers &numbers, db::Row const &row) { numbers.unused_replacements += row.integer("unused"); });
    read(rotations_sql, {request.by_org}, [](FleetNumbers &numbers, db::Row const &row) {
        keep_greatest(numbers.last_rotation_at, row.optional_instant("last_rotation_at"));
    });
    read(failures_sql, {request.by_org},
         [](FleetNumbers &numbers, db::Row const &row) { numbers.failures += row.integer("failures"); });
    read(legacy_sql, {request.by_org}, [](FleetNumbers &numbers, db::Row const &row) {
        numbers.legacy_agents[row.value<LegacyAgentState>("state")] += row.integer("agents");
    });
    read(running_sql, {request.by_org}, [](FleetNumbers &numbers, db::Row const &row) {
        numbers.running += row.integer("agents");
        numbers.late += row.integer("late");
    });
    return collection.take();
}

}  // namespace relay::sql
