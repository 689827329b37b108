#pragma once

#include "cli/exit_status.hpp"
#include "cli/incident/wait.hpp"
#include "relay/incident/incident.hpp"

#include <functional>
#include <string>
#include <vector>

namespace relay::cli {

class Context;

enum class IncidentVerb { block, unblock, revoke, restore };

/// How an incident command ends, after its use case has committed: reads the context (keys, last events) in a second step, shows the
/// document, says on stderr what to do next. A failing second step is a warning, and never undoes the first.
///
/// First it waits for gateways and standbys, if `waits` says so (cli/incident/wait.hpp).
///
/// Returns ok; partial if some ids were not known; check_no, if a gateway or a standby does not have it in time. Throws Error: not_found, if none was; internal, stdout took nothing.
ExitStatus report_incident(Context &context, IncidentVerb verb, IncidentReceipt const &receipt,
                           Waits const &waits = {});

/// Runs `act`, which must not be left in doubt, and reports it. If its outcome stays unknown, the last lines of stderr say
/// `NOT CONFIRMED: agent X may still be live`, one for each of `subjects` ("agent X"); if it failed for sure, the error says that nothing
/// was changed.
ExitStatus show_incident(Context &context, IncidentVerb verb, std::vector<std::string> const &subjects,
                         std::function<IncidentReceipt()> const &act, Waits const &waits = {});

/// "agent X" for each.
std::vector<std::string> id_texts(std::vector<AgentId> const &agents);

}  // namespace relay::cli
