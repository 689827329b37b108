#pragma once

#include "cli/exit_status.hpp"
#include "cli/incident/clean.hpp"
#include "cli/incident/doubts.hpp"
#include "cli/incident/wait.hpp"
#include "relay/incident/incident.hpp"

#include <functional>
#include <string>
#include <vector>

namespace relay::cli {

class Context;
struct FileScan;

/// Finishes an incident command after its use case has committed: reads the context (keys, last events) in a second
/// step, shows the document, and says on stderr what to do next. If the second step fails, that is a warning, and never
/// undoes the first.
///
/// Before that, waits for gateways and standbys if `waits` says so (cli/incident/wait.hpp).
///
/// `scan` is set for keys found in a text: the document shows where they are, and what was not looked into.
///
/// `clean` then gives fresh keys, but not in a dry run, nor if everything failed: the document lists them.
///
/// Returns ok; partial if some ids are unknown or some of the text was not looked into; check_no if a gateway or a standby does not confirm in time. Throws
/// Error: not_found if all ids are unknown; internal if stdout cannot be written.
ExitStatus report_incident(Context &context, IncidentVerb verb, IncidentReceipt receipt, Waits const &waits = {},
                           FileScan const *scan = nullptr, Clean *clean = nullptr);

/// Runs `act`, which must not stay in doubt, and reports it. If its outcome is unknown, or the database did not do it,
/// the last lines of stderr are `NOT CONFIRMED: agent X may still be live` (blocked, revoked), one for each of
/// `subjects` ("agent X"). If it certainly failed, the error says that nothing was changed.
ExitStatus show_incident(Context &context, IncidentVerb verb, std::vector<std::string> const &subjects,
                         std::function<IncidentReceipt()> const &act, Waits const &waits = {},
                         FileScan const *scan = nullptr, Clean *clean = nullptr);

}  // namespace relay::cli
