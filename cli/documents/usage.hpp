#pragma once

#include "cli/output/document.hpp"
#include "relay/usage/usage.hpp"

namespace relay::cli {

/// Returns what an organization uses of a meter: an item of `usage show`.
Record usage_record(MeterUsage const &usage);
MeterUsage sample_usage();

/// Returns what an organization used of a meter in a month: an item of `usage report`.
Record monthly_usage_record(MonthlyUsage const &usage);
MonthlyUsage sample_monthly_usage();

/// Returns a hold: an item of `usage holds`.
Record hold_record(Hold const &hold);
Hold sample_hold();

}  // namespace relay::cli
