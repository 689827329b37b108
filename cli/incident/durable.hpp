#pragma once

#include "cli/output/document.hpp"
#include "relay/replication/standbys.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// Returns what --durable found, for machines.
Record durable_record(StandbyWait const &wait);

/// Returns the same as lines for people: "durable on 2/2 standbys in 0.12 s", or which standbys have not replayed it,
/// and what is known about them.
std::vector<std::string> durable_lines(StandbyWait const &wait);

}  // namespace relay::cli
