#include "relay/legacy/records.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace relay;
using namespace std::chrono_literals;

namespace {

Instant at(char const *text) { return parse_instant(text); }

Instant const opened = at("2026-11-13T13:48:40.5Z");

}  // namespace

TEST_CASE("a burn-down has both ends, and between them whole steps of the clock") {
    auto const times = burn_down_times(opened, at("2026-11-14T02:00:00Z"), opened + std::chrono::days(14));
    REQUIRE(times.size() == 6);
    CHECK(times[0] == opened);
    CHECK(times[1] == at("2026-11-13T15:00:00Z"));
    CHECK(times[4] == at("2026-11-14T00:00:00Z"));
    CHECK(times[5] == at("2026-11-14T02:00:00Z"));
}

TEST_CASE("the steps follow from the length of the window, not from the time passed, and are never too many") {
    for (auto const length :
         {std::chrono::minutes(30), std::chrono::minutes(60 * 24), std::chrono::minutes(60 * 24 * 14),
          std::chrono::minutes(60 * 24 * 180), std::chrono::minutes(60 * 24 * 3000)}) {
        Instant const end = opened + length;
        auto const whole = burn_down_times(opened, end, end);
        CHECK(whole.size() <= most_burn_down_steps + 2);
        CHECK(whole.size() > 20);
        auto const half = burn_down_times(opened, opened + length / 2, end);
        REQUIRE(half.size() > 3);
        CHECK(std::equal(half.begin(), half.end() - 1, whole.begin()));
        CHECK(std::is_sorted(whole.begin(), whole.end()));
    }
}

TEST_CASE("a window that was opened just now has one point") {
    CHECK(burn_down_times(opened, opened, opened + 1h).size() == 1);
    CHECK(burn_down_times(opened, opened - 1h, opened + 1h).size() == 1);
}

TEST_CASE("an even pace begins with the last wave") {
    BurnDown const points{{opened, 4, 4}, {opened + 1h, 4, 3}, {opened + 2h, 10, 9}, {opened + 3h, 10, 8}};
    REQUIRE(last_addition(points));
    CHECK(last_addition(points)->at == opened + 2h);
    BurnDown const falling{{opened, 4, 4}, {opened + 1h, 4, 3}};
    CHECK(last_addition(falling)->at == opened);
    CHECK_FALSE(last_addition({}));
}

TEST_CASE("an even pace comes down to nothing at the deadline") {
    BurnDownPoint const from{opened, 100, 100};
    Instant const deadline = opened + 10h;
    CHECK(even_pace(from, deadline, opened) == 100);
    CHECK(even_pace(from, deadline, opened - 1h) == 100);
    CHECK(even_pace(from, deadline, opened + 5h) == 50);
    CHECK(even_pace(from, deadline, opened + 5h + 1s) == 50);
    CHECK(even_pace(from, deadline, deadline) == 0);
    CHECK(even_pace(from, deadline, deadline + 1h) == 0);
    CHECK(even_pace(from, opened, opened) == 0);
}

TEST_CASE("the end is as far as the pace says, and unknown without a pace") {
    Instant const now = opened + 100h;
    LegacyPace const pace{opened, 50};
    CHECK(pace.end(25, now) == now + 50h);
    CHECK_FALSE(pace.end(0, now));
    LegacyPace const none{opened, 0};
    CHECK_FALSE(none.end(25, now));
    LegacyPace const snail{opened, 1};
    CHECK_FALSE(snail.end(100'000'000, now));
    LegacyPace const of_a_minute{now - 1min, 10};
    CHECK(of_a_minute.end(10, now) == now + 1h);  // a minute shows no more than an hour would
}

TEST_CASE("silence proves something once the last report of a use has come, and no silence is asked for by zero") {
    LegacyWindow const window{.opened_at = opened};
    CHECK(LegacyWatch{}.proves_from(window, 72h) == opened + 72h + report_delay);
    CHECK(LegacyWatch{.listed_at = opened + 1h}.proves_from(window, 72h) == opened + 73h + report_delay);
    CHECK(LegacyWatch{}.proves_from(window, 0s) == opened);
}
