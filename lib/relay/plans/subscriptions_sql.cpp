#include "relay/plans/subscriptions_sql.hpp"

#include "relay/identity/organizations_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto change_sql = R"sql(
SELECT done.changed, done.reason, done.lost_seats
FROM relay.change_subscription($1, $2, $3, COALESCE($4::timestamptz, COALESCE($7, now()) + make_interval(secs => $5)), $6,
                               COALESCE($7::timestamptz, now()), $8, $9, $10, $11) AS done)sql";

constexpr auto list_subscriptions_sql = R"sql(
SELECT org.org_id, org.plan, relay.plan_now(org.plan, sub.ends_at) AS plan_in_force, sub.state, sub.ends_at, sub.reference, sub.said_at
FROM relay.organizations AS org LEFT JOIN relay.subscriptions AS sub ON sub.org_id = org.org_id
WHERE ($1::text IS NULL OR org.org_id = $1) AND ($1::text IS NOT NULL OR sub.org_id IS NOT NULL)
  AND ($2::text IS NULL OR sub.state = $2)
  AND ($3::bigint IS NULL OR (sub.ends_at > now() AND sub.ends_at <= now() + make_interval(secs => $3)))
  AND ($4::text IS NULL OR org.org_id > $4 COLLATE "C"))sql";

constexpr auto subscriptions_limit_sql = " LIMIT $5::bigint";

constexpr db::SortColumn subscription_sort_columns[] = {
    {"org_id", "org_id"}, {"plan", "plan"}, {"state", "state"}, {"ends_at", "ends_at"}, {"said_at", "said_at"},
};

Subscription read_subscription(db::Row const &row) {
    return {.org_id = row.id<OrgId>("org_id"),
            .plan = row.id<PlanId>("plan"),
            .plan_in_force = row.id<PlanId>("plan_in_force"),
            .state = row.optional_value<SubscriptionState>("state"),
            .ends_at = row.optional_instant("ends_at"),
            .reference = row.optional_text("reference"),
            .said_at = row.optional_instant("said_at")};
}

}  // namespace

SubscriptionVerdict change_subscription(db::Transaction &transaction, SetSubscription const &request,
                                        Attribution const &by) {
    auto const *const at = std::get_if<Instant>(&request.ends);
    auto const *const in = std::get_if<std::chrono::seconds>(&request.ends);
    db::Rows const rows = transaction.exec(
        change_sql, {request.org, request.plan, request.state, at != nullptr ? std::optional(*at) : std::nullopt,
                     in != nullptr ? std::optional(*in) : std::nullopt, request.reference, request.said_at, by.actor,
                     by.reason, by.ticket, by.trace_id});
    db::Row const row = rows.one();
    return {.changed = row.boolean("changed"),
            .reason = row.value<SubscriptionReason>("reason"),
            .lost_seats = row.integer("lost_seats")};
}

Subscription get_subscription(db::Transaction &transaction, OrgId const &org) {
    db::Rows const rows = transaction.exec(list_subscriptions_sql, {org, std::nullopt, std::nullopt, std::nullopt});
    if (rows.empty()) {
        get_org(transaction, org);  // throws, with similar ids
    }
    return read_subscription(rows.one());
}

std::vector<std::string> subscription_sort_fields() { return db::sort_fields(subscription_sort_columns); }

db::Stream<Subscription> list_subscriptions(db::Transaction &transaction, SubscriptionFilter const &filter) {
    return {transaction,
            std::string(list_subscriptions_sql) + db::order_by(subscription_sort_columns, filter.sort, "org_id") +
                subscriptions_limit_sql,
            {std::nullopt, filter.state, filter.ending_within, filter.after, filter.limit},
            read_subscription};
}

}  // namespace relay::sql
