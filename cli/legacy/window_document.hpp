#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/legacy/window.hpp"

#include <optional>
#include <string>

/// What the commands of migrate-legacy have in common.
namespace relay::cli {

/// What must be typed before the shared secret is closed to everybody.
inline constexpr std::string_view legacy_word = "legacy-off";

/// `14d`, or a time. Throws Error (usage) that names --deadline.
LegacyDeadline parse_deadline(std::string const &text);

/// What is to be changed in the relay when all is done.
inline constexpr std::string_view legacy_end_setting = "ALLOW_LEGACY_GLOBAL_AGENT_SECRET=false";

/// How it stands with the window at `now`: "open until ...: 9 days left".
Phrase describe_window(std::optional<LegacyWindow> const &window, Instant now);

/// {state, opened_at, ...} of a window; without one the state is "none".
Record window_record(std::optional<LegacyWindow> const &window, Instant now);
/// For machines one object, `counts`.
Record counts_record(LegacyCounts const &counts);

/// Prints a LegacyWindow document, and what is to be done now.
void show_window(Context &context, ChangedWindow const &changed);

}  // namespace relay::cli
