#include "cli/legacy/burn_down_svg.hpp"

#include "cli/html/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace relay::cli::html {

namespace {

using std::chrono::minutes;

// In the units of the drawing, which is scaled to the page.
constexpr double width = 960;
constexpr double height = 340;
constexpr double plot_left = 58;
constexpr double plot_right = width - 20;
constexpr double plot_top = 30;
constexpr double plot_bottom = height - 34;

constexpr std::int64_t most_ticks_up = 5;

/// Maps times and counts to positions in the drawing.
struct Scale {
    Instant begin{};
    Instant end{};
    std::int64_t most = 1;

    double part(Instant at) const { return std::chrono::duration<double>(at - begin) / (end - begin); }
    double x(Instant at) const { return plot_left + std::clamp(part(at), 0.0, 1.0) * (plot_right - plot_left); }
    double y(double count) const { return plot_bottom - count / static_cast<double>(most) * (plot_bottom - plot_top); }
    double y(std::int64_t count) const { return y(static_cast<double>(count)); }
};

/// Returns a step of 1, 2 or 5 times a power of ten.
std::int64_t count_step(std::int64_t most) {
    std::int64_t step = 1;
    for (std::int64_t next = 0; step * most_ticks_up < most; ++next) {
        step = next % 3 == 1 ? step / 2 * 5 : step * 2;
    }
    return step;
}

Scale scale_of(LegacyStatus const &status) {
    BurnDown const &points = status.burn_down;
    Scale scale{.begin = points.front().at, .end = std::max(points.back().at, status.window->deadline)};
    // An end in the distance would press all that has been into a corner.
    std::optional<Instant> const estimated = status.estimated_end();
    if (estimated && *estimated < scale.end + (scale.end - scale.begin)) {
        scale.end = std::max(scale.end, *estimated);
    }
    scale.end = std::max(scale.end, scale.begin + minutes(1));
    for (BurnDownPoint const &point : points) {
        scale.most = std::max(scale.most, point.left);
    }
    std::int64_t const step = count_step(scale.most);
    scale.most = (scale.most + step - 1) / step * step;
    return scale;
}

Html count_axis(Scale const &scale) {
    Html made;
    std::int64_t const step = count_step(scale.most);
    for (std::int64_t count = 0; count <= scale.most; count += step) {
        made += line("grid", plot_left, scale.y(count), plot_right, scale.y(count));
        made += label("tick", plot_left - 8, scale.y(count) + 4, "end", std::to_string(count));
    }
    return made;
}

/// Draws the counts as steps: each holds until the next.
Html steps(LegacyStatus const &status, Scale const &scale) {
    BurnDown const &points = status.burn_down;
    Html path = "M" + decimal(scale.x(points.front().at)) + "," + decimal(scale.y(points.front().left));
    for (std::size_t i = 1; i < points.size(); ++i) {
        path += "H" + decimal(scale.x(points[i].at)) + "V" + decimal(scale.y(points[i].left));
    }
    Html const area = path + "V" + decimal(plot_bottom) + "H" + decimal(plot_left) + "Z";
    return element("path", {{"class", "area"}, {"d", area}}, "") +
           element("path", {{"class", "left"}, {"d", path}}, "");
}

/// Returns the hints that appear when the pointer rests on the chart.
Html hints(LegacyStatus const &status, Scale const &scale) {
    Html made;
    BurnDown const &points = status.burn_down;
    for (std::size_t i = 0; i < points.size(); ++i) {
        double const from = scale.x(points[i].at);
        double const to = i + 1 < points.size() ? scale.x(points[i + 1].at) : from + 4;
        std::string const text = fmt::format("{}: {} left", format_instant_seconds(points[i].at), points[i].left);
        made += element("rect",
                        {{"class", "hint"},
                         {"x", decimal(from)},
                         {"y", decimal(plot_top)},
                         {"width", decimal(to - from)},
                         {"height", decimal(plot_bottom - plot_top)}},
                        element("title", escape(text)));
    }
    return made;
}

Html even_line(LegacyStatus const &status, Scale const &scale) {
    BurnDownPoint const from = last_addition(status.burn_down).value();
    if (from.at >= status.window->deadline) {
        return {};
    }
    return line("even", scale.x(from.at), scale.y(from.left), scale.x(status.window->deadline),
                scale.y(std::int64_t{0}));
}

Html deadline_line(LegacyStatus const &status, Scale const &scale) {
    double const x = scale.x(status.window->deadline);
    bool const at_right = x > (plot_left + plot_right) / 2;
    return line("deadline", x, plot_top, x, plot_bottom) +
           label("deadline-label", x + (at_right ? 6 : -6), plot_top - 10, at_right ? Html("end") : Html("start"),
                 "deadline " + format_instant_seconds(status.window->deadline).substr(0, 10));
}

Html projection(LegacyStatus const &status, Scale const &scale) {
    std::optional<Instant> const end = status.estimated_end();
    if (!end) {
        return {};
    }
    BurnDownPoint const &now = status.burn_down.back();
    Instant const until = std::min(*end, scale.end);
    double const rest = std::chrono::duration<double>(*end - until) / (*end - now.at);
    return line("projection", scale.x(now.at), scale.y(now.left), scale.x(until),
                scale.y(static_cast<double>(now.left) * rest));
}

Html now_mark(LegacyStatus const &status, Scale const &scale) {
    BurnDownPoint const &now = status.burn_down.back();
    double const x = scale.x(now.at);
    double const y = scale.y(now.left);
    bool const at_right = x > plot_right - 90;
    return element("circle", {{"class", "now"}, {"cx", decimal(x)}, {"cy", decimal(y)}, {"r", "4.5"}}, "") +
           label("now-label", at_right ? x - 9 : x + 9, y - 8, at_right ? Html("end") : Html("start"),
                 fmt::format("{} left", now.left));
}

std::string in_words(LegacyStatus const &status) {
    BurnDown const &points = status.burn_down;
    BurnDownPoint const from = last_addition(points).value();
    std::string words = fmt::format(
        "From {} to {}: {} of {} agents are left. At an even pace from {}, {} would be left. The deadline is {}.",
        format_instant_seconds(points.front().at), format_instant_seconds(points.back().at), points.back().left,
        points.back().total, format_instant_seconds(from.at),
        even_pace(from, status.window->deadline, points.back().at), format_instant_seconds(status.window->deadline));
    if (std::optional<Instant> const end = status.estimated_end()) {
        words += fmt::format(" At the current pace, the last agent leaves at {}.", format_instant_seconds(*end));
    }
    return words;
}

}  // namespace

Html burn_down_svg(LegacyStatus const &status) {
    if (status.burn_down.empty() || !status.window) {
        return {};
    }
    Scale const scale = scale_of(status);
    Html const plot = element("rect",
                              {{"class", "plot"},
                               {"x", decimal(plot_left)},
                               {"y", decimal(plot_top)},
                               {"width", decimal(plot_right - plot_left)},
                               {"height", decimal(plot_bottom - plot_top)}},
                              "");
    return element(
        "svg",
        {{"class", "burn-down"},
         {"viewBox", escape(fmt::format("0 0 {} {}", width, height))},
         {"role", "img"},
         {"aria-labelledby", "chart-title chart-words"},
         {"data-begin", escape(format_instant_exact(scale.begin))},
         {"data-end", escape(format_instant_exact(scale.end))},
         {"data-most", number(scale.most)}},
        element("title", {{"id", "chart-title"}}, "Agents left, over time") +
            element("desc", {{"id", "chart-words"}}, escape(in_words(status))) + plot + count_axis(scale) +
            time_axis({.begin = scale.begin, .end = scale.end, .left = plot_left, .right = plot_right}, plot_bottom) +
            steps(status, scale) + even_line(status, scale) + projection(status, scale) + deadline_line(status, scale) +
            now_mark(status, scale) + hints(status, scale));
}

}  // namespace relay::cli::html
