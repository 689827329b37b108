#include "cli/output/relative_time.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;
using namespace std::chrono_literals;
using std::chrono::days;

namespace {

Instant const now{std::chrono::microseconds(1'795'309'323'000'000)};

std::string ago(std::chrono::microseconds distance) { return relative_time(now - distance, now); }
std::string in(std::chrono::microseconds distance) { return relative_time(now + distance, now); }

}  // namespace

TEST_CASE("a time is shown with its distance from now, in both directions") {
    CHECK(describe_time(now, std::nullopt) == "2026-11-22T01:02:03Z");
    CHECK(describe_time(now + days(90), now) == "2027-02-20T01:02:03Z (in 90 days)");
    CHECK(describe_time(now - 3h, now) == "2026-11-21T22:02:03Z (3 hours ago)");
    CHECK(describe_time(now, now) == "2026-11-22T01:02:03Z (just now)");
}

TEST_CASE("the past is rounded down, in one unit of which there are two") {
    CHECK(ago(999ms) == "just now");
    CHECK(ago(1s) == "1 second ago");
    CHECK(ago(59s) == "59 seconds ago");
    CHECK(ago(1min) == "1 minute ago");
    CHECK(ago(90s) == "90 seconds ago");
    CHECK(ago(179s) == "2 minutes ago");
    CHECK(ago(90min) == "90 minutes ago");
    CHECK(ago(2h + 59min) == "2 hours ago");
    CHECK(ago(days(1)) == "1 day ago");
    CHECK(ago(47h) == "47 hours ago");
    CHECK(ago(days(800)) == "800 days ago");
}

TEST_CASE("the future is rounded to the nearest: ninety days stay ninety after a second") {
    CHECK(in(400ms) == "just now");
    CHECK(in(days(90) - 1s) == "in 90 days");
    CHECK(in(days(90) - 13h) == "in 89 days");
    CHECK(in(24h - 5min) == "in 24 hours");
    CHECK(in(1s) == "in 1 second");
    CHECK(in(90s) == "in 90 seconds");
}
