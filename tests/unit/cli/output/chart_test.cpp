#include "cli/output/chart.hpp"
#include "cli/output/canvas.hpp"
#include "cli/output/screen.hpp"
#include "cli/output/text_width.hpp"

#include <doctest/doctest.h>

#include <map>
#include <sstream>

using namespace relay;
using namespace relay::cli;
using namespace std::chrono_literals;

namespace {

Instant const begin = parse_instant("2026-11-13T00:00:00Z");

Chart chart_of(std::int64_t first, std::int64_t last) {
    return {.title = "Left.",
            .points = {{begin, first}, {begin + 24h * 5, last}},
            .begin = begin,
            .end = begin + 24h * 10,
            .line_from = {begin, first},
            .line_to = begin + 24h * 10,
            .line_label = "even pace",
            .mark_label = "deadline"};
}

std::vector<std::string> lines_of(std::string const &text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

}  // namespace

TEST_CASE("a canvas of braille has two by four dots per character") {
    Canvas canvas(2, 1, true);
    CHECK(canvas.width() == 4);
    CHECK(canvas.height() == 4);
    canvas.put(0, 0, Ink::line);
    CHECK(canvas.row(0) == "⠁");
    canvas.put_column(3, 3, 0, Ink::dots);
    CHECK(canvas.row(0) == "⠁⢸");
    canvas.put(9, 9, Ink::line);
}

TEST_CASE("a canvas of ASCII has stars and dots, and a star stays") {
    Canvas canvas(3, 2, false);
    canvas.put(0, 0, Ink::line);
    canvas.put(0, 0, Ink::dots);
    canvas.put(2, 0, Ink::dots);
    CHECK(canvas.row(0) == "* .");
    CHECK(canvas.row(1).empty());
}

TEST_CASE("a chart fills the width of its screen and not more") {
    for (std::size_t columns : {40U, 80U, 100U, 300U}) {
        for (bool draws : {true, false}) {
            auto const lines =
                lines_of(draw_chart(chart_of(2000, 1200), {.columns = columns, .lines = 24, .draws = draws}));
            REQUIRE(lines.size() == 1 + 8 + 2);
            for (std::size_t i = 1; i < lines.size(); ++i) {
                CHECK(display_width(lines[i]) <= std::min<std::size_t>(columns, 100));
            }
            CHECK(display_width(lines[9]) == std::min<std::size_t>(columns, 100));
            CHECK(lines[1].starts_with("2000 "));
            CHECK(lines[5].starts_with("1000 "));
            CHECK(lines[9].starts_with("   0 "));
            CHECK(lines[10].find("11-13") != std::string::npos);
            CHECK(lines[10].ends_with("11-23 deadline"));
        }
    }
}

TEST_CASE("the line is at its count and ends at the present") {
    auto const lines = lines_of(draw_chart(chart_of(10, 10), {.columns = 44, .lines = 24, .draws = false}));
    CHECK(lines[1].substr(4).find_last_of('*') == 20);  // half of 40 columns
    CHECK(lines[1].substr(4) == std::string(21, '*'));
    CHECK(lines[8].find('.') != std::string::npos);
}

TEST_CASE("a short window has the time of day") {
    Chart chart = chart_of(5, 2);
    chart.end = chart.line_to = begin + 36h;
    chart.points[1].at = begin + 12h;
    auto const lines = lines_of(draw_chart(chart, {.columns = 80, .lines = 24}));
    CHECK(lines.back().find("00:00") != std::string::npos);
    CHECK(lines.back().ends_with("12:00 deadline"));
}

TEST_CASE("there is no chart without room, time, points or agents") {
    CHECK(draw_chart(chart_of(10, 5), {.columns = 39, .lines = 24}).empty());
    CHECK(draw_chart(chart_of(0, 0), {.columns = 80, .lines = 24}).empty());
    Chart chart = chart_of(10, 5);
    chart.end = chart.begin;
    CHECK(draw_chart(chart, {.columns = 80, .lines = 24}).empty());
    chart = chart_of(10, 5);
    chart.points.clear();
    CHECK(draw_chart(chart, {.columns = 80, .lines = 24}).empty());
}

TEST_CASE("the first variable that is set decides whether a locale is UTF-8") {
    auto const utf8 = [](std::map<std::string, char const *> const &variables) {
        return is_utf8_locale([&](char const *name) {
            auto const found = variables.find(name);
            return found == variables.end() ? nullptr : found->second;
        });
    };
    CHECK(utf8({{"LANG", "de_DE.UTF-8"}}));
    CHECK(utf8({{"LC_ALL", ""}, {"LC_CTYPE", "C.utf8"}, {"LANG", "C"}}));
    CHECK(utf8({{"LANG", "en_US.utf-8@euro"}}));
    CHECK_FALSE(utf8({{"LC_ALL", "C"}, {"LANG", "de_DE.UTF-8"}}));
    CHECK_FALSE(utf8({{"LANG", "de_DE.ISO-8859-1"}}));
    CHECK_FALSE(utf8({{"LANG", "de_DE.UTF-88"}}));
    CHECK_FALSE(utf8({}));
}
