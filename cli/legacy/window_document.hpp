#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/legacy/window.hpp"

#include <optional>
#include <string>

/// What the commands of migrate-legacy share.
namespace relay::cli {

/// The word that must be typed before the shared secret is closed to all agents.
inline constexpr std::string_view legacy_word = "legacy-off";

/// Parses `14d` or a time. Throws Error (usage) that names --deadline.
LegacyDeadline parse_deadline(std::string const &text);

/// The setting to make in the relay when the migration is finished.
inline constexpr std::string_view legacy_end_setting = "ALLOW_LEGACY_GLOBAL_AGENT_SECRET=false";

/// Returns the state of the window at `now`: "open until ...: 9 days left".
Phrase describe_window(std::optional<LegacyWindow> const &window, Instant now);

/// Returns {state, opened_at, ...} of a window; without a window the state is "none".
Record window_record(std::optional<LegacyWindow> const &window, Instant now);
/// Returns the counts: one object `counts` for machines, single fields for people.
Record counts_record(LegacyCounts const &counts);

/// Prints a LegacyWindow document, and what to do next.
void show_window(Context &context, ChangedWindow const &changed);

}  // namespace relay::cli
