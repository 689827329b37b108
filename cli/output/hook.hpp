#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// A command of the user, for news: `sh -c TEXT`.
struct Hook {
    std::string text{};
    std::vector<std::string> variables{};  ///< NAME=VALUE
    std::chrono::seconds limit{60};  ///< after that it is killed with all processes that it started
};

/// Runs the command with `input` on its stdin. No part of `input` becomes part of the command itself. Its stdout goes to
/// our stderr, because our stdout is data. The input is complete before the command starts, so one that does not read it
/// is not an error. If this program dies, the command is killed.
///
/// Returns what went wrong, for people; nothing if the command ended with 0.
std::optional<std::string> run_hook(Hook const &hook, std::string_view input);

}  // namespace relay::cli
