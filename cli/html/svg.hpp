#pragma once

#include "cli/html/html.hpp"

/// Parts of drawings, in the units of the drawing.
namespace relay::cli::html {

Html decimal(double value);
/// A straight line of a class.
Html line(Html const &kind, double x1, double y1, double x2, double y2);
/// Text of a class; `anchor`: start, middle, end.
Html label(Html const &kind, double x, double y, Html const &anchor, std::string_view text);

/// A time from left to right.
struct TimeScale {
    Instant begin{};
    Instant end{};
    double left = 0;
    double right = 0;

    /// Returns the position of a time; one outside is at the edge.
    double x(Instant at) const;
};
/// Returns ticks below `y`, at most eight, at full minutes, hours or days: 15:00, and at midnight 11-22.
Html time_axis(TimeScale const &scale, double y);

}  // namespace relay::cli::html
