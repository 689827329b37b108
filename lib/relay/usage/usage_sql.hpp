#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/usage/records.hpp"

#include <vector>

namespace relay::sql {

/// Throws Error (usage) for a meter that relay.meters does not have as one of `kind`; the error suggests similar ones.
void require_meter(db::Transaction &transaction, MeterName const &meter, std::string const &kind);
/// Throws Error (usage) for a day that has not begun, or of which the usage is no longer kept. `what`: "day 2026-11-30".
void require_kept(db::Transaction &transaction, Day const &day, std::string const &what);

std::vector<std::string> usage_sort_fields();
/// What one organization uses of each meter that it uses or that has a limit; `day`: none for today.
db::Stream<MeterUsage> list_usage(db::Transaction &transaction, OrgId const &org, std::optional<Day> const &day,
                                  std::vector<SortField> const &sort);

std::vector<std::string> monthly_usage_sort_fields();
/// What each organization, or one, used in a month.
db::Stream<MonthlyUsage> list_monthly_usage(db::Transaction &transaction, Month const &month,
                                            std::optional<OrgId> const &org, std::vector<SortField> const &sort);
/// The days of a month of one organization, in order of meter and day.
std::vector<DailyUsage> daily_usage(db::Transaction &transaction, Month const &month, OrgId const &org);

}  // namespace relay::sql
