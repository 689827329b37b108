#pragma once

#include "cli/html/html.hpp"
#include "relay/incident/timeline.hpp"

namespace relay::cli::html {

/// What an event is in the drawing and in the table.
Html kind_of(TimelineEvent const &one);
/// Draws the events along the time, in a lane for each agent: those with most events, and one lane for all others.
Html timeline_svg(IncidentTimeline const &timeline);

}  // namespace relay::cli::html
