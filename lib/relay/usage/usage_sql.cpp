#include "relay/usage/usage_sql.hpp"

#include "relay/identity/suggestions.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::sql {
namespace {

constexpr auto meters_sql = "SELECT meter FROM relay.meters WHERE kind = $1 ORDER BY meter";

constexpr auto kept_sql = R"sql(
SELECT $1::date > (statement_timestamp() AT TIME ZONE 'UTC')::date AS is_ahead, $1::date < kept.first AS is_gone,
       to_char(kept.first, 'YYYY-MM') AS kept_from
FROM relay.usage_kept_from() AS kept (first))sql";

// What was held in each `period` (day, begin_at, until): how much from each change on. Changes at the same moment are one: a hold that
// replaces another does not count beside it.
constexpr auto held_sql = R"sql(
change AS (
    SELECT p.day, h.org_id, h.meter, c.at, sum(c.delta) AS delta
    FROM period AS p
    JOIN relay.holds AS h ON h.since < p.until AND (h.ended_at IS NULL OR h.ended_at > p.begin_at)
                         AND ($2::text IS NULL OR h.org_id = $2)
    CROSS JOIN LATERAL (VALUES (GREATEST(h.since, p.begin_at), h.amount), (h.ended_at, -h.amount)) AS c (at, delta)
    WHERE c.at < p.until
    GROUP BY 1, 2, 3, 4),
level AS (
    SELECT day, org_id, meter, at, relay.as_count(sum(delta) OVER (PARTITION BY day, org_id, meter ORDER BY at)) AS amount FROM change))sql";

std::string const usage_of_day_sql = std::string(R"sql(
SELECT org_id, meter, kind, unit, day, used, most, left_over, resets_at, refusals FROM (
WITH asked AS (
    SELECT d.day, d.day = d.today AS is_today, d.day::timestamp AT TIME ZONE 'UTC' AS begin_at,
           (d.day + 1)::timestamp AT TIME ZONE 'UTC' AS end_at
    FROM (SELECT COALESCE($1::date, (statement_timestamp() AT TIME ZONE 'UTC')::date) AS day,
                 (statement_timestamp() AT TIME ZONE 'UTC')::date AS today) AS d),
period AS (SELECT day, begin_at, LEAST(end_at, statement_timestamp()) AS until FROM asked),)sql") +
                                     held_sql + R"sql(,
refused AS (
    SELECT e.detail ->> 'meter' AS meter, sum(e.times)::bigint AS times
    FROM relay.recorded_events AS e CROSS JOIN asked AS a
    WHERE e.action = 'quota_refused' AND e.outcome = 'failed' AND e.org_id = $2 AND e.occurred_at >= a.begin_at AND e.occurred_at < a.end_at
    GROUP BY 1)
SELECT l.org_id, l.meter, l.kind, l.unit, asked.day::text AS day, count.used, l.amount AS most,
       CASE WHEN asked.is_today THEN free.amount - LEAST(free.amount, count.used) END AS left_over,
       CASE WHEN asked.is_today AND l.kind = 'day' THEN asked.end_at END AS resets_at, COALESCE(refused.times, 0) AS refusals
FROM relay.org_limits AS l CROSS JOIN asked
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN l.kind = 'rows' AND asked.is_today AND l.meter = 'agents' THEN
            (SELECT s.agents FROM relay.organization_status AS s WHERE s.org_id = l.org_id)
        WHEN l.kind = 'rows' AND asked.is_today AND l.meter = 'devices' THEN
            (SELECT count(*) FROM relay.device_status AS d WHERE d.org_id = l.org_id AND d.status IN ('active', 'blocked'))
        WHEN l.kind = 'day' THEN
            COALESCE((SELECT u.used FROM relay.usage AS u WHERE u.org_id = l.org_id AND u.meter = l.meter AND u.day = asked.day), 0)
        WHEN l.kind = 'held' AND asked.is_today THEN
            COALESCE((SELECT relay.as_count(sum(h.amount)) FROM relay.holds AS h
                      WHERE h.org_id = l.org_id AND h.meter = l.meter AND h.ended_at IS NULL), 0)
        WHEN l.kind = 'held' THEN COALESCE((SELECT max(v.amount) FROM level AS v WHERE v.meter = l.meter), 0)
        END AS used) AS count
CROSS JOIN LATERAL (SELECT CASE WHEN l.kind = 'day' THEN l.amount ELSE l.amount_for_new END AS amount) AS free
LEFT JOIN refused ON refused.meter = l.meter
WHERE l.org_id = $2 AND (count.used > 0 OR l.amount IS NOT NULL AND count.used = 0 OR refused.times > 0)) AS used)sql";

constexpr auto month_sql = R"sql(
WITH month AS (
    SELECT first, (first + interval '1 month')::date AS next, first::timestamp AT TIME ZONE 'UTC' AS begin_at,
           (first + interval '1 month') AT TIME ZONE 'UTC' AS end_at
    FROM (SELECT $1::date AS first) AS said))sql";

std::string const usage_of_month_sql =
    std::string(
        "\nSELECT org_id, plan, meter, unit, used, peak_day, peak, days_at_limit, unit_hours,"
        " complete FROM (") +
    month_sql + R"sql(,
period AS (SELECT first AS day, begin_at, LEAST(end_at, statement_timestamp()) AS until FROM month),)sql" +
    held_sql + R"sql(,
flow AS (
    SELECT u.org_id, u.meter, relay.as_count(sum(u.used)) AS used, (array_agg(u.day ORDER BY u.used DESC, u.day))[1] AS peak_day, max(u.used) AS peak,
           count(*) FILTER (WHERE COALESCE(u.at_limit, u.used >= (SELECT l.amount FROM relay.org_limits AS l
                                                                  WHERE l.org_id = u.org_id AND l.meter = u.meter))) AS days_at_limit
    FROM relay.usage AS u JOIN month ON u.day >= month.first AND u.day < month.next
    WHERE $2::text IS NULL OR u.org_id = $2
    GROUP BY 1, 2),
peak AS (
    SELECT DISTINCT ON (org_id, meter) org_id, meter, (at AT TIME ZONE 'UTC')::date AS day, amount
    FROM level ORDER BY org_id, meter, amount DESC, at),
stock AS (
    SELECT h.org_id, h.meter,
           sum(h.amount * date_part('epoch', LEAST(h.ended_at, p.until) - GREATEST(h.since, p.begin_at))::numeric / 3600) AS unit_hours
    FROM relay.holds AS h
    JOIN period AS p ON h.since < p.until AND (h.ended_at IS NULL OR h.ended_at > p.begin_at)
    WHERE $2::text IS NULL OR h.org_id = $2
    GROUP BY 1, 2),
line AS (
    SELECT org_id, meter, used, peak_day, peak, days_at_limit, NULL AS unit_hours FROM flow
    UNION ALL
    SELECT stock.org_id, stock.meter, NULL, peak.day, peak.amount, NULL, round(stock.unit_hours, 2)::text
    FROM stock JOIN peak ON peak.org_id = stock.org_id AND peak.meter = stock.meter)
SELECT line.org_id, relay.plan_now(org.plan, sub.ends_at) AS plan, line.meter, meters.unit, line.used, line.peak_day::text AS peak_day,
       line.peak, line.days_at_limit, line.unit_hours, month.end_at <= statement_timestamp() AS complete
FROM line CROSS JOIN month
JOIN relay.organizations AS org ON org.org_id = line.org_id
JOIN relay.meters AS meters ON meters.meter = line.meter
LEFT JOIN relay.subscriptions AS sub ON sub.org_id = line.org_id) AS used)sql";

std::string const days_of_month_sql = std::string(month_sql) + R"sql(,
period AS (
    SELECT d::date AS day, d AT TIME ZONE 'UTC' AS begin_at, LEAST((d + interval '1 day') AT TIME ZONE 'UTC', statement_timestamp()) AS until
    FROM month, generate_series(month.first::timestamp, month.next::timestamp - interval '1 day', interval '1 day') AS d
    WHERE d AT TIME ZONE 'UTC' < statement_timestamp()),)sql" +
                                      held_sql + R"sql(
SELECT u.meter, u.day::text AS day, u.used FROM relay.usage AS u JOIN month ON u.day >= month.first AND u.day < month.next WHERE u.org_id = $2
UNION ALL
SELECT meter, day::text, max(amount) FROM level GROUP BY 1, 2
ORDER BY 1, 2)sql";

constexpr db::SortColumn usage_columns[] = {{"meter", "meter"},         {"used", "used"},
                                            {"limit", "most"},          {"left", "left_over"},
                                            {"resets_at", "resets_at"}, {"refusals", "refusals"}};

constexpr db::SortColumn monthly_columns[] = {{"org_id", "org_id"},
                                              {"plan", "plan"},
                                              {"meter", "meter"},
                                              {"used", "used"},
                                              {"peak_day", "peak_day"},
                                              {"peak", "peak"},
                                              {"days_at_limit", "days_at_limit"}};

MeterUsage read_usage(db::Row const &row) {
    return {.org_id = row.id<OrgId>("org_id"),
            .meter = row.id<MeterName>("meter"),
            .kind = row.text("kind"),
            .unit = row.text("unit"),
            .day = row.id<Day>("day"),
            .used = row.integer("used"),
            .limit = row.optional_integer("most"),
            .left = row.optional_integer("left_over"),
            .resets_at = row.optional_instant("resets_at"),
            .refusals = row.integer("refusals")};
}

MonthlyUsage read_monthly_usage(db::Row const &row) {
    return {.org_id = row.id<OrgId>("org_id"),
            .plan = row.text("plan"),
            .meter = row.id<MeterName>("meter"),
            .unit = row.text("unit"),
            .used = row.optional_integer("used"),
            .peak_day = row.id<Day>("peak_day"),
            .peak = row.integer("peak"),
            .days_at_limit = row.optional_integer("days_at_limit"),
            .unit_hours = row.optional_text("unit_hours"),
            .complete = row.boolean("complete")};
}

}  // namespace

void require_meter(db::Transaction &transaction, MeterName const &meter, std::string const &kind) {
    std::vector<std::string> known;
    db::Rows const rows = transaction.exec(meters_sql, {kind});
    for (db::Row const row : rows) {
        known.push_back(row.text("meter"));
    }
    if (std::find(known.begin(), known.end(), meter.text()) == known.end()) {
        auto const similar = closest(meter.text(), known);
        throw Error(ErrorKind::usage, fmt::format("no such meter: {}", quote_for_message(meter.text())),
                    {.why = similar.empty() ? "the meters are " + fmt::format("{}", fmt::join(known, ", "))
                                            : "did you mean " + similar.front() + '?'});
    }
}

void require_kept(db::Transaction &transaction, Day const &day, std::string const &what) {
    db::Rows const rows = transaction.exec(kept_sql, {day.text()});
    db::Row const row = rows.one();
    if (row.boolean("is_ahead")) {
        throw Error(ErrorKind::usage, what + " has not begun",
                    {.why = "days and months are in UTC, by the database's clock"});
    }
    if (row.boolean("is_gone")) {
        throw Error(ErrorKind::usage, "the usage of " + what + " is no longer kept",
                    {.why = "the first month that is kept is " + row.text("kept_from")});
    }
}

std::vector<std::string> usage_sort_fields() { return db::sort_fields(usage_columns); }

db::Stream<MeterUsage> list_usage(db::Transaction &transaction, OrgId const &org, std::optional<Day> const &day,
                                  std::vector<SortField> const &sort) {
    auto const order = db::order_by(usage_columns, sort, sort.empty() ? "kind = 'held', kind = 'day', meter" : "meter");
    return {transaction,
            usage_of_day_sql + order,
            {day ? db::Param(day->text()) : db::Param(std::nullopt), org},
            read_usage};
}

std::vector<std::string> monthly_usage_sort_fields() { return db::sort_fields(monthly_columns); }

db::Stream<MonthlyUsage> list_monthly_usage(db::Transaction &transaction, Month const &month,
                                            std::optional<OrgId> const &org, std::vector<SortField> const &sort) {
    return {transaction,
            usage_of_month_sql + db::order_by(monthly_columns, sort, "org_id, meter"),
            {month.first_day().text(), org},
            read_monthly_usage};
}

std::vector<DailyUsage> daily_usage(db::Transaction &transaction, Month const &month, OrgId const &org) {
    std::vector<DailyUsage> found;
    db::Rows const rows = transaction.exec(days_of_month_sql.c_str(), {month.first_day().text(), org});
    for (db::Row const row : rows) {
        found.push_back({.meter = row.id<MeterName>("meter"), .day = row.id<Day>("day"), .used = row.integer("used")});
    }
    return found;
}

}  // namespace relay::sql
