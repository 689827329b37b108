#pragma once

#include "cli/context.hpp"
#include "cli/output/chart.hpp"
#include "cli/output/document.hpp"
#include "relay/legacy/status.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What `migrate-legacy status` shows: on the terminal, to machines, and on its page.
namespace relay::cli {

/// Returns "2026-12-02T06:00:00Z (in 6 days), 3 days before the deadline", or "no agents are left", or "unknown (...)".
std::string describe_estimate(LegacyStatus const &status);
/// Returns "120 left the list in the last 7 days".
std::string describe_pace(LegacyStatus const &status);

/// Returns the agents with this activity that are still on the list.
std::vector<LegacyAgent> of_activity(LegacyStatus const &status, LegacyActivity activity);

/// Returns the fields of a LegacyStatus document, except `page`.
Record legacy_status_record(LegacyStatus const &status, Globals const &globals);

/// Returns the chart of agents left over time and the even pace; none if there is no window.
std::optional<Chart> burn_down_chart(LegacyStatus const &status);

}  // namespace relay::cli
