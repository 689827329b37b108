#pragma once

#include "relay/model/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace relay::cli {

/// When something ends: never, at a time, or so long after it is done.
using EndTime = std::variant<std::monostate, Instant, std::chrono::seconds>;

/// Reads the value of `--until`: a time (RFC 3339), or a duration. `what` ends for a duration of 0: "the block". Throws
/// Error (usage); `without` says what happens without the flag.
EndTime parse_end_time(std::optional<std::string> const &text, std::string_view what, std::string_view without);

}  // namespace relay::cli
