#include "relay/usage/holds_sql.hpp"

#include "relay/identity/suggestions.hpp"
#include "relay/model/text.hpp"

namespace relay::sql {
namespace {

constexpr auto list_sql = R"sql(
SELECT org_id, meter, hold_id, amount, provider, since, ended_at
FROM relay.holds WHERE org_id = $1 AND ended_at IS NULL AND ($2::text IS NULL OR meter = $2))sql";

constexpr auto find_sql = R"sql(
SELECT org_id, meter, hold_id, amount, provider, since, ended_at
FROM relay.holds WHERE org_id = $1 AND meter = $2 AND hold_id = $3 ORDER BY ended_at DESC NULLS FIRST LIMIT 1)sql";

constexpr auto release_sql = "SELECT hold_id FROM relay.release_hold($1, $2, $3, $4, $5, $6, $7)";

constexpr auto near_sql = R"sql(
SELECT hold_id AS id, amount::text || ' since ' || to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS about
FROM relay.holds WHERE org_id = $3 AND meter = $4 AND ended_at IS NULL
ORDER BY hold_id = ANY ($2::text[]) DESC, left(hold_id, length($1)) = $1 DESC, hold_id LIMIT 200)sql";

constexpr db::SortColumn sort_columns[] = {
    {"meter", "meter"}, {"hold_id", "hold_id"}, {"amount", "amount"}, {"provider", "provider"}, {"since", "since"}};

Hold read_hold(db::Row const &row) {
    return {.org_id = row.id<OrgId>("org_id"),
            .meter = row.id<MeterName>("meter"),
            .hold_id = row.id<HoldId>("hold_id"),
            .amount = row.integer("amount"),
            .provider = row.optional_text("provider"),
            .since = row.instant("since"),
            .ended_at = row.optional_instant("ended_at")};
}

}  // namespace

std::vector<std::string> hold_sort_fields() { return db::sort_fields(sort_columns); }

db::Stream<Hold> list_holds(db::Transaction &transaction, OrgId const &org, std::optional<MeterName> const &meter,
                            std::vector<SortField> const &sort) {
    return {transaction, list_sql + db::order_by(sort_columns, sort, "meter, hold_id"), {org, meter}, read_hold};
}

std::optional<Hold> find_hold(db::Transaction &transaction, OrgId const &org, MeterName const &meter,
                              HoldId const &id) {
    db::Rows const rows = transaction.exec(find_sql, {org, meter, id});
    return rows.empty() ? std::nullopt : std::optional(read_hold(rows[0]));
}

bool release_hold(db::Transaction &transaction, OrgId const &org, MeterName const &meter, HoldId const &id,
                  Attribution const &by) {
    return !transaction.exec(release_sql, {org, meter, id, by.actor, by.reason, by.ticket, by.trace_id}).empty();
}

Error no_such_hold(db::Transaction &transaction, OrgId const &org, MeterName const &meter, HoldId const &id) {
    std::vector<db::Param> candidates = near(id.text());
    candidates.emplace_back(org);
    candidates.emplace_back(meter);
    Hint hint = no_such("hold", id.text(), transaction.exec(near_sql, candidates), advise(Act::list_holds, org)).hint();
    return {ErrorKind::not_found,
            "org " + org.text() + " holds nothing of " + meter.text() + " as " + quote_for_message(id.text()),
            std::move(hint)};
}

}  // namespace relay::sql
