#include "cli/html/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relay::cli::html {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t most_ticks = 8;
constexpr std::array<seconds, 11> time_steps{minutes(1), minutes(5), minutes(15), hours(1), hours(3), hours(6),
                                             hours(12),  days(1),    days(2),     days(7),  days(28)};

}  // namespace

Html decimal(double value) { return escape(fmt::format("{:.1f}", value)); }

Html line(Html const &kind, double x1, double y1, double x2, double y2) {
    return element(
        "line", {{"class", kind}, {"x1", decimal(x1)}, {"y1", decimal(y1)}, {"x2", decimal(x2)}, {"y2", decimal(y2)}},
        "");
}

Html label(Html const &kind, double x, double y, Html const &anchor, std::string_view text) {
    return element("text", {{"class", kind}, {"x", decimal(x)}, {"y", decimal(y)}, {"text-anchor", anchor}},
                   escape(text));
}

double TimeScale::x(Instant at) const {
    double const part = std::chrono::duration<double>(at - begin) / std::max(end - begin, Instant::duration(1));
    return left + std::clamp(part, 0.0, 1.0) * (right - left);
}

Html time_axis(TimeScale const &scale, double y) {
    seconds const length = std::chrono::ceil<seconds>(scale.end - scale.begin);
    auto const fits = [&](seconds step) { return length <= most_ticks * step; };
    auto const found = std::find_if(time_steps.begin(), time_steps.end(), fits);
    seconds step = found != time_steps.end() ? *found : time_steps.back();
    for (; length > most_ticks * step; step *= 2) {}
    Html made;
    Instant const first = scale.begin - scale.begin.time_since_epoch() % step + step;
    for (Instant at = first; at <= scale.end; at += step) {
        std::string const text = format_instant_seconds(at);  // YYYY-MM-DDTHH:MM:SSZ
        bool const midnight = text.substr(11, 5) == "00:00";
        made += line("grid", scale.x(at), y, scale.x(at), y + 5);
        made += label("tick", scale.x(at), y + 20, "middle", midnight ? text.substr(5, 5) : text.substr(11, 5));
    }
    return made;
}

}  // namespace relay::cli::html
