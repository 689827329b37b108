#pragma once

#include "cli/context.hpp"
#include "cli/output/chart.hpp"
#include "cli/output/document.hpp"
#include "relay/legacy/status.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What `migrate-legacy status` has to say, on the terminal, to machines and on its page.
namespace relay::cli {

/// "2026-12-02T06:00:00Z (in 6 days), 3 days before the deadline"; "nobody is left", "cannot be told".
std::string describe_estimate(LegacyStatus const &status);
/// "120 left the list in the last 7 days"
std::string describe_pace(LegacyStatus const &status);

/// Agents that are not off the list, of one activity.
std::vector<LegacyAgent> of_activity(LegacyStatus const &status, LegacyActivity activity);

/// The fields of a LegacyStatus document, all but `page`.
Record legacy_status_record(LegacyStatus const &status, Globals const &globals);

/// Agents left over time, and the even pace; null without a window.
std::optional<Chart> burn_down_chart(LegacyStatus const &status);

}  // namespace relay::cli
