#pragma once

#include "cli/context.hpp"
#include "relay/model/advice.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// The question before agents lose their seats.
namespace relay::cli {

/// Whether a command must first find out how many agents would lose their seat: not if a flag answers the question.
bool must_ask_for_seats(Context &context, std::optional<std::int64_t> const &expect);

/// Asks `question`, and returns `lost`, for `expect`: what was agreed to is what may happen. `loss` says what would happen
/// ("49 agents would lose their seat"). Throws Error: usage if it cannot ask; declined.
std::int64_t ask_for_seats(Context &context, std::string const &loss, std::string const &question, std::int64_t lost,
                           Advice also);

}  // namespace relay::cli
