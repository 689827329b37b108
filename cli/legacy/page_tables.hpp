#pragma once

#include "cli/context.hpp"
#include "cli/html/html.hpp"
#include "relay/legacy/status.hpp"

namespace relay::cli::html {

/// Whom to call; empty if nobody is left.
Html owner_section(LegacyStatus const &status);

/// Agents that are left: on the shared secret, silent, never seen; a section each, none for what there is none of.
Html straggler_sections(LegacyStatus const &status, Globals const &globals);

/// The figures of the chart, to be unfolded below it.
Html burn_down_figures(LegacyStatus const &status);

}  // namespace relay::cli::html
