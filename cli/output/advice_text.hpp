#pragma once

#include "cli/context.hpp"
#include "relay/model/advice.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// Each step as one line for people: a command that can be pasted as it is, what it brings as a comment behind it; or a plain sentence.
/// Not escaped.
std::vector<std::string> advice_lines(Advice const &advice, Globals const &globals);

/// The first step, for machines: a command that can be run as it is, or a sentence; empty without advice.
std::string first_advice(Advice const &advice, Globals const &globals);

}  // namespace relay::cli
