#pragma once

#include "relay/legacy/status.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// What moves a migration on.
struct NextStep {
    std::string what{};  ///< "312 agents have no key of their own yet"
    std::vector<std::string> command{};  ///< of this program, as words; empty: it is to be done elsewhere
};

/// What there is to do as things stand, the most pressing first; nothing if that is nothing.
std::vector<NextStep> next_steps(LegacyStatus const &status);

}  // namespace relay::cli
