#pragma once

#include "relay/legacy/status.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// A step that moves a migration forward.
struct NextStep {
    std::string what{};  ///< "312 agents have no key yet"
    std::vector<std::string> command{};  ///< of this program, as words; empty if this is done elsewhere
};

/// Returns what to do now, the most urgent first; empty if there is nothing.
std::vector<NextStep> next_steps(LegacyStatus const &status);

}  // namespace relay::cli
