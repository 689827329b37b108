#pragma once

#include "relay/model/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace relay::cli {

struct Screen;

/// A count over time, and the straight line along which it should fall to zero.
struct Chart {
    struct Point {
        Instant at{};
        std::int64_t count = 0;
    };
    std::string title{};
    std::vector<Point> points{};  ///< in order of time; each count holds until the next
    Instant begin{};  ///< of the axis
    Instant end{};  ///< of the axis
    Point line_from{};  ///< the straight line begins here...
    Instant line_to{};  ///< ...and reaches zero at this time
    std::string line_label{};  ///< what the line is: "even pace"
    std::string mark_label{};  ///< what is at its end: "deadline"
};

/// Returns the chart as text, each line with its newline. It is at most `screen.columns` wide and half of
/// `screen.lines` high. The count is a line, the straight line is dotted; the scales show counts and times (UTC). It
/// uses braille dots, or ASCII if the terminal cannot show them, and no color. Empty if the screen is narrower than 40
/// columns or there is nothing to draw.
std::string draw_chart(Chart const &chart, Screen const &screen);

}  // namespace relay::cli
