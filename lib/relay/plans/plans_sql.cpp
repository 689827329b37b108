#include "relay/plans/plans_sql.hpp"

#include "relay/identity/limits_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto insert_plan_sql = R"sql(
INSERT INTO relay.plans (plan_id, name, created_by) VALUES ($1, $2, $3) ON CONFLICT (plan_id) DO NOTHING)sql";

constexpr auto rename_sql = "UPDATE relay.plans SET name = $2 WHERE plan_id = $1";

constexpr auto lock_plan_sql = "SELECT plan_id FROM relay.plans WHERE plan_id = $1 FOR NO KEY UPDATE";

constexpr auto list_plans_sql = R"sql(
SELECT plan.plan_id, plan.name, plan.created_at, plan.created_by,
       (SELECT COALESCE(string_agg(set.meter || '=' || COALESCE(set.amount::text, 'none'), ','), '') FROM relay.limits AS set
        WHERE set.owner_kind = 'plan' AND set.owner_id = plan.plan_id) AS limits,
       (SELECT count(*) FROM relay.organizations AS org LEFT JOIN relay.subscriptions AS sub ON sub.org_id = org.org_id
        WHERE org.plan = plan.plan_id AND (sub.ends_at <= statement_timestamp()) IS NOT TRUE)
       + CASE plan.plan_id WHEN 'free' THEN
             (SELECT count(*) FROM relay.subscriptions AS sub WHERE sub.ends_at <= statement_timestamp()) ELSE 0 END AS orgs
FROM relay.plans AS plan
WHERE ($1::text IS NULL OR plan.plan_id = $1) AND ($2::text IS NULL OR plan.plan_id > $2 COLLATE "C"))sql";

constexpr auto plans_limit_sql = " LIMIT $3::bigint";

constexpr db::SortColumn plan_sort_columns[] = {
    {"plan_id", "plan_id"},
    {"name", R"(name COLLATE "C")"},
    {"orgs", "orgs"},
    {"created_at", "created_at"},
};

constexpr auto note_sql = "SELECT agents, orgs FROM relay.note_seats_lost_by_plan($1, $2)";

Plan read_plan(db::Row const &row) {
    return {.plan_id = row.id<PlanId>("plan_id"),
            .name = row.text("name"),
            .limits = read_limits(row.text("limits")),
            .orgs = row.integer("orgs"),
            .created_at = row.instant("created_at"),
            .created_by = row.text("created_by")};
}

}  // namespace

bool insert_plan(db::Transaction &transaction, PlanId const &id, DisplayName const &name, Note const &created_by) {
    return transaction.exec(insert_plan_sql, {id, name, created_by}).affected() == 1;
}

void rename_plan(db::Transaction &transaction, PlanId const &id, DisplayName const &name) {
    transaction.exec(rename_sql, {id, name});
}

std::optional<Plan> find_plan(db::Transaction &transaction, PlanId const &id) {
    db::Rows const rows = transaction.exec(list_plans_sql, {id, std::nullopt});
    return rows.empty() ? std::nullopt : std::optional(read_plan(rows[0]));
}

Plan get_plan(db::Transaction &transaction, PlanId const &id) {
    if (auto plan = find_plan(transaction, id)) {
        return *std::move(plan);
    }
    throw no_such_plan(transaction, id, ErrorKind::not_found);
}

void lock_plan(db::Transaction &transaction, PlanId const &id) { transaction.exec(lock_plan_sql, {id}); }

std::vector<std::string> plan_sort_fields() { return db::sort_fields(plan_sort_columns); }

db::Stream<Plan> list_plans(db::Transaction &transaction, PlanFilter const &filter) {
    return {transaction,
            std::string(list_plans_sql) + db::order_by(plan_sort_columns, filter.sort, "plan_id") + plans_limit_sql,
            {std::nullopt, filter.after, filter.limit},
            read_plan};
}

LostSeats note_lost_seats(db::Transaction &transaction, PlanId const &plan, std::optional<std::int64_t> seats_before) {
    db::Rows const rows = transaction.exec(note_sql, {plan, seats_before});
    db::Row const row = rows.one();
    return {.agents = row.integer("agents"), .orgs = row.integer("orgs")};
}

}  // namespace relay::sql
