#pragma once

#include "relay/model/database_label.hpp"
#include "relay/policy/numbers.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// What each text of metrics begins with.
inline constexpr std::string_view metrics_beginning = "# HELP relay_admin_info ";

/// Returns the numbers in Prometheus' text format (exposition format 0.0.4): gauges, each with HELP and TYPE. Those of
/// organizations have separate names, relay_org_..., so that a sum counts nothing twice. If the database has
/// a name, it is a label of each.
std::string metrics_text(Numbers const &numbers, std::optional<DatabaseLabel> const &database);

}  // namespace relay::cli
