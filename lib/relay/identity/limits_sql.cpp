#include "relay/identity/limits_sql.hpp"

#include "relay/db/list_text.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

constexpr auto set_sql = R"sql(
INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount)
VALUES ($1, $2, $3, CASE $1 WHEN 'org' THEN $2 END, $4)
ON CONFLICT (owner_kind, owner_id, meter) DO UPDATE SET amount = EXCLUDED.amount)sql";

constexpr auto remove_sql = "DELETE FROM relay.limits WHERE owner_kind = $1 AND owner_id = $2 AND meter = $3";

constexpr auto own_sql = R"sql(
SELECT COALESCE(string_agg(meter || '=' || COALESCE(amount::text, 'none'), ','), '') AS limits
FROM relay.limits WHERE owner_kind = $1 AND owner_id = $2)sql";

constexpr auto seats_sql = "SELECT relay.limit_of($1, 'agents') AS seats";

constexpr auto note_sql = "SELECT relay.note_lost_seats($1, $2) AS lost";

constexpr auto first_seats_sql = R"sql(
SELECT first.agent_id, first.place = 1 AND agent.created_at <= (SELECT min(other.created_at) FROM relay.agents AS other WHERE other.org_id = $1)
                       AS is_oldest
FROM relay.seat_order AS first JOIN relay.agents AS agent ON agent.agent_id = first.agent_id
WHERE first.org_id = $1 ORDER BY first.place LIMIT $2::bigint)sql";

constexpr auto hold_plan_sql = R"sql(
SELECT plan_id FROM relay.plans WHERE plan_id = (SELECT org.plan FROM relay.organizations AS org WHERE org.org_id = $1) FOR SHARE)sql";

constexpr auto has_plan_sql = "SELECT plan_id FROM relay.plans WHERE plan_id = $1";

constexpr auto known_sql = R"sql(SELECT plan_id AS id, '"' || name || '"' AS about FROM relay.plans LIMIT 1000)sql";

void set(db::Transaction &transaction, char const *kind, std::string const &owner,
         std::vector<LimitChange> const &changes) {
    for (LimitChange const &change : changes) {
        if (change.inherit) {
            transaction.exec(remove_sql, {kind, owner, change.meter});
        } else {
            transaction.exec(set_sql, {kind, owner, change.meter, change.amount});
        }
    }
}

std::vector<Limit> own(db::Transaction &transaction, char const *kind, std::string const &owner) {
    return read_limits(transaction.exec(own_sql, {kind, owner}).one().text("limits"));
}

}  // namespace

void set_limits(db::Transaction &transaction, OrgId const &org, std::vector<LimitChange> const &changes) {
    set(transaction, "org", org.text(), changes);
}

void set_limits(db::Transaction &transaction, PlanId const &plan, std::vector<LimitChange> const &changes) {
    set(transaction, "plan", plan.text(), changes);
}

std::vector<Limit> own_limits(db::Transaction &transaction, PlanId const &plan) {
    return own(transaction, "plan", plan.text());
}

std::optional<std::int64_t> seats_of(db::Transaction &transaction, OrgId const &org) {
    return transaction.exec(seats_sql, {org}).one().optional_integer("seats");
}

std::int64_t note_lost_seats(db::Transaction &transaction, OrgId const &org, std::optional<std::int64_t> seats_before) {
    return transaction.exec(note_sql, {org, seats_before}).one().integer("lost");
}

void hold_plan_of(db::Transaction &transaction, OrgId const &org) { transaction.send(hold_plan_sql, {org}); }

std::vector<SeatedAgent> first_seats(db::Transaction &transaction, OrgId const &org, std::int64_t most) {
    std::vector<SeatedAgent> seated;
    db::Rows const rows = transaction.exec(first_seats_sql, {org, most});
    for (db::Row const row : rows) {
        seated.push_back({.agent_id = row.id<AgentId>("agent_id"), .is_oldest = row.boolean("is_oldest")});
    }
    return seated;
}

bool rates_differ(std::vector<Limit> const &before, std::vector<Limit> const &after) {
    auto const rate_of = [](std::vector<Limit> const &limits) {
        auto const found =
            std::find_if(limits.begin(), limits.end(), [](Limit const &one) { return one.meter == Meter::agent_qps; });
        return found == limits.end() ? std::nullopt : found->amount;
    };
    return rate_of(before) != rate_of(after);
}

Error no_such_plan(db::Transaction &transaction, PlanId const &plan, ErrorKind kind) {
    Error const known = no_such("plan", plan.text(), transaction.exec(known_sql), advise(Act::list_plans));
    return {kind, known.message(), known.hint()};
}

void require_plan(db::Transaction &transaction, PlanId const &plan) {
    if (plan == PlanId::free() || plan == PlanId::paid()) {
        return;
    }
    if (transaction.exec(has_plan_sql, {plan}).empty()) {
        throw no_such_plan(transaction, plan, ErrorKind::usage);
    }
}

}  // namespace relay::sql
