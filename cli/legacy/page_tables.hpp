#pragma once

#include "cli/context.hpp"
#include "cli/html/html.hpp"
#include "relay/legacy/status.hpp"

namespace relay::cli::html {

/// Returns the section that says whom to call; empty if no agents are left.
Html owner_section(LegacyStatus const &status);

/// Returns the agents that are left, in a section each: on the shared secret, silent, never seen. Empty sections are
/// omitted.
Html straggler_sections(LegacyStatus const &status, Globals const &globals);

/// Returns the figures of the chart, in a part below it that can be opened.
Html burn_down_figures(LegacyStatus const &status);

}  // namespace relay::cli::html
