#include "relay/usage/usage.hpp"

#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/usage/usage_sql.hpp"

namespace relay {

std::vector<std::string> usage_sort_fields() { return sql::usage_sort_fields(); }
std::vector<std::string> monthly_usage_sort_fields() { return sql::monthly_usage_sort_fields(); }

ListEnd list_usage(db::Database &database, ShowUsage const &request, EachItem<MeterUsage> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        sql::get_org(transaction, request.org);
        if (request.day) {
            sql::require_kept(transaction, *request.day, "day " + request.day->text());
        }
        return sql::list_usage(transaction, request.org, request.day, request.sort);
    };
    auto const cursor_of = [](MeterUsage const &one) { return one.meter.text(); };
    return read_list(database, {.limit = std::nullopt}, open, cursor_of, each);
}

ListEnd report_usage(db::Database &database, ReportUsage const &request, EachItem<MonthlyUsage> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        if (request.org) {
            sql::get_org(transaction, *request.org);
        }
        sql::require_kept(transaction, request.month.first_day(), "month " + request.month.text());
        return sql::list_monthly_usage(transaction, request.month, request.org, request.sort);
    };
    auto const cursor_of = [](MonthlyUsage const &one) { return one.org_id.text(); };
    return read_list(database, {.limit = std::nullopt}, open, cursor_of, each);
}

UsageOfMonth usage_of_month(db::Database &database, Month const &month, OrgId const &org) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        UsageOfMonth found{.org = org, .org_name = sql::get_org(transaction, org).name, .month = month};
        sql::require_kept(transaction, month.first_day(), "month " + month.text());
        found.days = sql::daily_usage(transaction, month, org);
        sql::list_monthly_usage(transaction, month, org, {}).for_each([&](MonthlyUsage const &line) {
            found.complete = line.complete;
            found.lines.push_back(line);
        });
        found.read = {.at = transaction.now(), .db_role = transaction.db_role()};
        return found;
    });
}

}  // namespace relay
