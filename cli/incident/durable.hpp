#pragma once

#include "cli/output/document.hpp"
#include "relay/replication/standbys.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// What --durable found, for machines.
Record durable_record(StandbyWait const &wait);

/// The same for people, a line each: "durable on 2/2 standbys in 0.12 s", or who has not replayed it, and why that is known.
std::vector<std::string> durable_lines(StandbyWait const &wait);

}  // namespace relay::cli
