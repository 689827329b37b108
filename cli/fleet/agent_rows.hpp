#pragma once

#include "cli/input/row_reader.hpp"
#include "relay/fleet/import_agents.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

/// Returns the names of the columns of agent import.
std::vector<std::string> const &agent_columns();

/// Checks a row and adds it; or notes why it cannot be read. `org`: for rows without an org_id.
void add_agent_row(AgentImport &import, InputRow const &row, std::optional<OrgId> const &org);

}  // namespace relay::cli
