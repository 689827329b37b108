#pragma once

#include "cli/context.hpp"
#include "relay/model/advice.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// Returns each step as one line for people: a plain sentence, or a command to paste with the step's note as a comment
/// behind it. Not escaped.
std::vector<std::string> advice_lines(Advice const &advice, Globals const &globals);

/// Returns the first step, for machines: a complete command or a sentence; empty if there is no advice.
std::string first_advice(Advice const &advice, Globals const &globals);

}  // namespace relay::cli
