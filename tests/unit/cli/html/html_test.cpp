#include "cli/html/html.hpp"
#include "cli/legacy/burn_down_svg.hpp"
#include "cli/legacy/page.hpp"

#include <doctest/doctest.h>

#include <type_traits>

using namespace relay;
using namespace relay::cli::html;

TEST_CASE("text becomes HTML by being escaped, and in no other way") {
    CHECK(escape("<b a=\"1\" c='2'>&amp;").text() == "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;");
    CHECK(escape("a\x1b[2J\u202eb\xff").text() == "a\\x1b[2J\\u202eb\\xff");
    CHECK(escape("žluťoučký 猫").text() == "žluťoučký 猫");
    static_assert(!std::is_convertible_v<std::string, Html> && !std::is_constructible_v<Html, std::string>);
    static_assert(!std::is_constructible_v<Html, char const *> && !std::is_constructible_v<Html, std::string_view>);
}

TEST_CASE("elements have their attributes and their content") {
    CHECK(element("td", {{"class", "number"}, {"title", escape("\"")}}, number(-5)).text() ==
          "<td class=\"number\" title=\"&quot;\">-5</td>");
    CHECK(day(parse_instant("2026-11-22T06:12:59Z")).text() ==
          "<time datetime=\"2026-11-22T06:12:59Z\">2026-11-22</time>");
}

TEST_CASE("a page of nothing is a page, and has no chart") {
    LegacyStatus status;
    status.at = parse_instant("2026-11-22T06:12:59Z");
    status.pace.since = status.at;
    std::string const page = legacy_page(status, {});
    CHECK(page.starts_with(legacy_page_beginning));
    CHECK(page.ends_with("</body>\n</html>\n"));
    CHECK(page.find("Content-Security-Policy") != page.npos);
    CHECK(burn_down_svg(status).empty());
}

TEST_CASE("a fleet of one that is past its deadline still has a chart") {
    LegacyStatus status;
    Instant const opened = parse_instant("2026-11-20T00:00:00Z");
    status.at = opened + std::chrono::hours(48);
    status.window = LegacyWindow{
        .state = LegacyWindowState::expired, .opened_at = opened, .deadline = opened + std::chrono::hours(24)};
    status.counts.listed = 1;
    status.burn_down = {{opened, 1, 1}, {status.at, 1, 1}};
    std::string const svg = burn_down_svg(status).text();
    CHECK(svg.find("data-most=\"1\"") != svg.npos);
    CHECK(svg.find("nan") == svg.npos);
    CHECK(svg.find("inf") == svg.npos);
    CHECK(svg.find("data-end=\"2026-11-22T00:00:00.000000Z\"") != svg.npos);
}
