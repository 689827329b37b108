#pragma once

#include "relay/model/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace relay::cli {

struct Screen;

/// A count over time, and the straight line that it should follow down to nothing.
struct Chart {
    struct Point {
        Instant at{};
        std::int64_t count = 0;
    };
    std::string title{};
    std::vector<Point> points{};  ///< rising in time; each count holds until the next
    Instant begin{};  ///< of the axis
    Instant end{};  ///< of the axis
    Point line_from{};  ///< the straight line: from here...
    Instant line_to{};  ///< ...to nothing at this time
    std::string line_label{};  ///< what the line is: "even pace"
    std::string mark_label{};  ///< what is at its end: "deadline"
};

/// The chart in characters, at most `screen.columns` wide and half of `screen.lines` high, each line with its newline: the count as a line, the
/// straight one in dots; scales with counts and times (UTC). In braille dots, or in ASCII where the terminal draws nothing else. Never in
/// color. Empty if the screen is narrower than 40 columns, or if there is nothing to draw.
std::string draw_chart(Chart const &chart, Screen const &screen);

}  // namespace relay::cli
