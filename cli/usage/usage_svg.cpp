#include "cli/usage/usage_svg.hpp"

#include "cli/html/svg.hpp"

#include <algorithm>
#include <chrono>

namespace relay::cli::html {

namespace {

constexpr double width = 960;
constexpr double left = 110;
constexpr double top = 14;
constexpr double height = 150;
constexpr double bottom = top + height;
constexpr unsigned days_between_labels = 5;

unsigned days_of(Month const &month) {
    using namespace std::chrono;
    std::string const &text = month.text();
    auto const last = year(std::stoi(text.substr(0, 4))) /
                      std::chrono::month(static_cast<unsigned>(std::stoi(text.substr(5)))) / std::chrono::last;
    return static_cast<unsigned>(year_month_day_last(last).day());
}

unsigned day_of(Day const &day) { return static_cast<unsigned>(std::stoi(day.text().substr(8))); }

Html bar(DailyUsage const &one, std::string const &unit, double x, double bar_width, double part) {
    std::string const words = one.day.text() + ": " + std::to_string(one.used) + ' ' + unit;
    double const drawn = std::max(part * height, one.used > 0 ? 1.0 : 0.0);  // a small use is seen, too
    return element("rect",
                   {{"class", "used"},
                    {"x", decimal(x)},
                    {"y", decimal(bottom - drawn)},
                    {"width", decimal(bar_width)},
                    {"height", decimal(drawn)}},
                   element("title", escape(words)));
}

}  // namespace

Html usage_svg(UsageOfMonth const &usage, MonthlyUsage const &line_of_month) {
    unsigned const days = days_of(usage.month);
    double const step = (width - left - 10) / days;
    double const peak = static_cast<double>(std::max<std::int64_t>(line_of_month.peak, 1));
    Html drawn = line("grid", left, top, width - 10, top) + line("grid", left, bottom, width - 10, bottom) +
                 label("tick", left - 10, top + 4, "end", std::to_string(line_of_month.peak)) +
                 label("tick", left - 10, bottom + 4, "end", "0");
    for (unsigned day = 1; day <= days; ++day) {
        if (day == 1 || day % days_between_labels == 0) {
            drawn += label("tick", left + (day - 0.5) * step, bottom + 20, "middle", std::to_string(day));
        }
    }
    for (DailyUsage const &one : usage.days) {
        if (one.meter == line_of_month.meter) {
            drawn += bar(one, line_of_month.unit, left + (day_of(one.day) - 0.9) * step, 0.8 * step,
                         static_cast<double>(one.used) / peak);
        }
    }
    return element(
        "svg",
        {{"class", "days"},
         {"viewBox", "0 0 960 " + decimal(bottom + 30)},
         {"role", "img"},
         {"aria-label", escape(line_of_month.meter.text()) + " by day; the table of days has the same numbers"}},
        drawn);
}

}  // namespace relay::cli::html
