#include "relay/identity/organizations_sql.hpp"

#include "relay/db/list_text.hpp"

#include "relay/identity/limits_sql.hpp"
#include "relay/identity/suggestions.hpp"

namespace relay::sql {
namespace {

constexpr auto insert_org_sql = R"sql(
INSERT INTO relay.organizations (org_id, name, plan, key_max_age, auth_mode, created_by, allowed_providers)
VALUES ($1, $2, COALESCE($3, 'free'), CASE WHEN NOT $7::boolean THEN COALESCE(make_interval(secs => $4), interval '90 days') END,
        COALESCE($5, 'required'), $6, NULLIF($8::text[], '{}'))
ON CONFLICT (org_id) DO NOTHING)sql";

/// What read_org() reads.
std::string const org_columns = R"sql(
       org_id, name, plan, plan_in_force, max_agents, agent_limit, agent_limit_for_new, agents, subscription, subscription_ends_at,
       subscription_said_at, array_to_string(allowed_providers, ',') AS providers,
       (SELECT string_agg(own.meter || '=' || COALESCE(own.amount::text, 'none'), ',') FROM relay.limits AS own
        WHERE own.owner_kind = 'org' AND own.owner_id = org_id) AS limits,
       extract(epoch FROM key_max_age)::bigint AS key_max_age, auth_mode, status, created_at, created_by)sql";

std::string const find_org_sql = "SELECT" + org_columns + " FROM relay.organization_status WHERE org_id = $1";

constexpr auto lock_org_sql = "SELECT org_id FROM relay.organizations WHERE org_id = $1 FOR NO KEY UPDATE";

constexpr auto update_org_sql = R"sql(
UPDATE relay.organizations
SET name = COALESCE($2, name), plan = COALESCE($3, plan),
    key_max_age = CASE WHEN NOT $6::boolean THEN COALESCE(make_interval(secs => $4), key_max_age) END, auth_mode = COALESCE($5, auth_mode),
    allowed_providers = CASE WHEN $7::text[] IS NULL THEN allowed_providers ELSE NULLIF($7::text[], '{}') END
WHERE org_id = $1)sql";

std::string const list_orgs_sql = "SELECT" + org_columns + R"sql(
FROM relay.organization_status
WHERE ($1::text IS NULL OR org_id LIKE $1) AND (NOT $2::boolean OR status <> 'active') AND ($3::text IS NULL OR org_id > $3 COLLATE "C"))sql";

constexpr auto orgs_limit_sql = " LIMIT $4::bigint";

constexpr db::SortColumn org_sort_columns[] = {
    {"org_id", "org_id"}, {"name", R"(name COLLATE "C")"}, {"plan", "plan"}, {"status", "status"},
    {"agents", "agents"}, {"created_at", "created_at"},
};

constexpr auto keyless_sql = R"sql(
SELECT caller, known, calls, last_at, count(*) OVER () AS all_callers, (sum(calls) OVER ())::bigint AS all_calls
FROM relay.keyless_callers WHERE org_id = $1 ORDER BY last_at DESC, caller LIMIT 10)sql";

constexpr auto has_others_sql = "SELECT EXISTS (SELECT FROM relay.organizations WHERE org_id <> $1) AS others";

constexpr auto near_orgs_sql = R"sql(
SELECT id, '"' || name || '"' AS about
FROM ((SELECT org_id AS id, name FROM relay.organizations WHERE org_id > $1 ORDER BY org_id LIMIT 500)
      UNION ALL (SELECT org_id, name FROM relay.organizations WHERE org_id < $1 ORDER BY org_id DESC LIMIT 500)
      UNION ALL SELECT org_id, name FROM relay.organizations WHERE org_id = ANY ($2::text[])) AS near)sql";

Org read_org(db::Row const &row) {
    return {.org_id = row.id<OrgId>("org_id"),
            .name = row.text("name"),
            .plan = row.id<PlanId>("plan"),
            .plan_in_force = row.id<PlanId>("plan_in_force"),
            .max_agents = row.optional_integer("max_agents"),
            .agent_limit = row.optional_integer("agent_limit"),
            .agent_limit_for_new = row.optional_integer("agent_limit_for_new"),
            .limits = read_limits(row.optional_text("limits").value_or("")),
            .providers = db::split_list(row.optional_text("providers").value_or("")),
            .subscription = row.optional_value<SubscriptionState>("subscription"),
            .subscription_ends_at = row.optional_instant("subscription_ends_at"),
            .subscription_said_at = row.optional_instant("subscription_said_at"),
            .agents = row.integer("agents"),
            .key_max_age = row.optional_seconds("key_max_age"),
            .auth_mode = row.value<AuthMode>("auth_mode"),
            .status = row.value<Status>("status"),
            .created_at = row.instant("created_at"),
            .created_by = row.text("created_by")};
}

constexpr auto lock_orgs_sql = R"sql(
SELECT org_id FROM relay.organizations
WHERE org_id = ANY ($1::text[] COLLATE "C") AND relay.limit_for_new(org_id, 'agents') IS NOT NULL
ORDER BY org_id FOR NO KEY UPDATE)sql";

// The others, and the plans: a limit that is set meanwhile does not count the new agents.
constexpr auto hold_orgs_sql = R"sql(
SELECT org_id FROM relay.organizations
WHERE org_id = ANY ($1::text[] COLLATE "C") AND relay.limit_for_new(org_id, 'agents') IS NULL
ORDER BY org_id FOR SHARE)sql";

constexpr auto hold_plans_sql = R"sql(
SELECT plan_id FROM relay.plans
WHERE plan_id IN (SELECT org.plan FROM relay.organizations AS org WHERE org.org_id = ANY ($1::text[] COLLATE "C"))
ORDER BY plan_id FOR SHARE)sql";

constexpr auto seats_of_orgs_sql = R"sql(
SELECT org.org_id,
       total.amount - CASE WHEN total.amount IS NOT NULL
                           THEN (SELECT status.agents FROM relay.organization_status AS status WHERE status.org_id = org.org_id) END AS seats
FROM relay.organizations AS org CROSS JOIN LATERAL (SELECT relay.limit_for_new(org.org_id, 'agents') AS amount OFFSET 0) AS total
WHERE org.org_id = ANY ($1::text[] COLLATE "C"))sql";

std::optional<std::string> array_or_null(std::optional<std::vector<std::string>> const &texts) {
    return texts ? std::optional(db::array_text(*texts)) : std::nullopt;
}

}  // namespace

bool insert_org(db::Transaction &transaction, OrgId const &id, DisplayName const &name, OrgSettings const &settings,
                Note const &created_by) {
    bool const made =
        transaction
            .exec(insert_org_sql, {id, name, settings.plan, settings.key_max_age, settings.auth_mode, created_by,
                                   settings.no_key_max_age, array_or_null(settings.providers)})
            .affected() == 1;
    if (made) {
        set_limits(transaction, id, settings.limits);
    }
    return made;
}

std::optional<Org> find_org(db::Transaction &transaction, OrgId const &id) {
    db::Rows const rows = transaction.exec(find_org_sql.c_str(), {id});
    return rows.empty() ? std::nullopt : std::optional(read_org(rows[0]));
}

Org get_org(db::Transaction &transaction, OrgId const &id) {
    if (auto org = find_org(transaction, id)) {
        return *std::move(org);
    }
    throw no_such("org", id.text(), transaction.exec(near_orgs_sql, near(id.text())), advise(Act::list_orgs));
}

void lock_org(db::Transaction &transaction, OrgId const &id) { transaction.exec(lock_org_sql, {id}); }

std::map<OrgId, std::optional<std::int64_t>> free_seats(db::Transaction &transaction, std::vector<OrgId> const &orgs) {
    transaction.send(lock_orgs_sql, {db::array_text(orgs)});
    transaction.send(hold_orgs_sql, {db::array_text(orgs)});
    transaction.send(hold_plans_sql, {db::array_text(orgs)});
    std::map<OrgId, std::optional<std::int64_t>> seats;
    db::Rows const rows = transaction.exec(seats_of_orgs_sql, {db::array_text(orgs)});
    for (db::Row const row : rows) {
        seats.emplace(row.id<OrgId>("org_id"), row.optional_integer("seats"));
    }
    return seats;
}

void update_org(db::Transaction &transaction, OrgId const &id, std::optional<DisplayName> const &name,
                OrgSettings const &settings) {
    transaction.exec(update_org_sql, {id, name, settings.plan, settings.key_max_age, settings.auth_mode,
                                      settings.no_key_max_age, array_or_null(settings.providers)});
    set_limits(transaction, id, settings.limits);
}

std::vector<std::string> org_sort_fields() { return db::sort_fields(org_sort_columns); }

db::Stream<Org> list_orgs(db::Transaction &transaction, OrgFilter const &filter) {
    return {transaction,
            list_orgs_sql + db::order_by(org_sort_columns, filter.sort, "org_id") + orgs_limit_sql,
            {filter.like, filter.blocked_only, filter.after, filter.limit},
            read_org};
}

KeylessCalls keyless_calls(db::Transaction &transaction, OrgId const &id) {
    KeylessCalls found;
    db::Rows const rows = transaction.exec(keyless_sql, {id});
    for (db::Row const row : rows) {
        found.callers = row.integer("all_callers");
        found.calls = row.integer("all_calls");
        found.latest.push_back({.agent_id = row.optional_text("caller"),
                                .known = row.boolean("known"),
                                .calls = row.integer("calls"),
                                .last_at = row.instant("last_at")});
    }
    return found;
}

bool has_other_orgs(db::Transaction &transaction, OrgId const &id) {
    return transaction.exec(has_others_sql, {id}).one().boolean("others");
}

}  // namespace relay::sql
