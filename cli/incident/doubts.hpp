#pragma once

#include "relay/model/error.hpp"
#include "relay/model/ids.hpp"

#include <string>
#include <vector>

namespace relay::cli {

enum class IncidentVerb { block, unblock, revoke, restore };

/// Returns the error with its last lines (Hint::not_confirmed): nothing is confirmed of any of `subjects`. Keeps lines
/// that it has.
Error with_doubts(IncidentVerb verb, std::vector<std::string> const &subjects, Error const &error);

/// Returns the error of a change whose effect was not seen: the command may be repeated, and its last lines say what may still be so.
Error left_in_doubt(IncidentVerb verb, std::vector<std::string> const &subjects, Error const &error);

/// Returns the error with the words that nothing was changed, unless it has them.
Error with_nothing_changed(Error const &error);

/// Returns "agent X" for each agent.
std::vector<std::string> id_texts(std::vector<AgentId> const &agents);
std::vector<std::string> id_texts(std::vector<DeviceId> const &devices);

}  // namespace relay::cli
