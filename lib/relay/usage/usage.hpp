#pragma once

#include "relay/db/database.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/page.hpp"
#include "relay/usage/records.hpp"

#include <vector>

/// What organizations use: today, on a day, in a month; and what they hold.
namespace relay {

struct ShowUsage {
    OrgId org;
    std::optional<Day> day{};  ///< none: today
    std::vector<SortField> sort{};
};
std::vector<std::string> usage_sort_fields();
/// Lists the meters that an organization uses, or of which it has a limit. Throws Error: not_found, no such
/// organization; usage, the day has not begun, or is no longer kept.
ListEnd list_usage(db::Database &database, ShowUsage const &request, EachItem<MeterUsage> const &each);

struct ReportUsage {
    Month month;
    std::optional<OrgId> org{};  ///< none: all
    std::vector<SortField> sort{};
};
std::vector<std::string> monthly_usage_sort_fields();
/// Lists what organizations used in a month, by organization and meter. Throws Error as list_usage.
ListEnd report_usage(db::Database &database, ReportUsage const &request, EachItem<MonthlyUsage> const &each);

/// A month of one organization, for a page.
struct UsageOfMonth {
    OrgId org;
    std::string org_name{};
    Month month;
    std::vector<MonthlyUsage> lines{};
    std::vector<DailyUsage> days{};  ///< in order of meter and day; a day without use is left out
    bool complete = false;
    ReadStamp read{};
};
/// Throws Error as list_usage.
UsageOfMonth usage_of_month(db::Database &database, Month const &month, OrgId const &org);

struct ListHolds {
    OrgId org;
    std::optional<MeterName> meter{};  ///< none: of all meters
    std::vector<SortField> sort{};
};
std::vector<std::string> hold_sort_fields();
/// Lists what an organization holds. Throws Error: not_found, no such organization; usage, no such meter.
ListEnd list_holds(db::Database &database, ListHolds const &request, EachItem<Hold> const &each);

struct ReleasedHold : WriteReceipt {
    Hold hold;
};
/// Ends a hold whose caller did not. If it has ended already, nothing changes. Throws Error: not_found, no such
/// organization or hold; usage, no such meter.
ReleasedHold release_hold(db::Database &database, OrgId const &org, MeterName const &meter, HoldId const &id,
                          WriteOptions const &options);

}  // namespace relay
