#include "relay/model/time.hpp"
#include "relay/model/error.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace {

using namespace std::chrono_literals;
using relay::Instant;
using std::chrono::seconds;

Instant at(std::int64_t microseconds) { return Instant(std::chrono::microseconds(microseconds)); }

std::string exact(std::string const &text) { return relay::format_instant_exact(relay::parse_instant(text)); }

template <typename Call>
std::string refusal(Call call) {
    try {
        call();
        return "(taken)";
    } catch (relay::Error const &error) {
        CHECK(error.kind() == relay::ErrorKind::usage);
        CHECK(!error.hint().next.empty());
        return error.message();
    }
}

std::string instant_refusal(std::string const &text) {
    return refusal([&] { relay::parse_instant(text); });
}

std::string duration_refusal(std::string const &text) {
    return refusal([&] { relay::parse_duration(text); });
}

bool has(std::string const &text, std::string const &part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("instants are read as RFC 3339, with fractions and offsets") {
    CHECK(relay::parse_instant("1970-01-01T00:00:00Z") == at(0));
    CHECK(relay::parse_instant("2026-11-22T01:02:03Z") == at(1795309323000000));
    CHECK(exact("2026-11-22T01:02:03Z") == "2026-11-22T01:02:03.000000Z");
    CHECK(exact("2026-11-22t01:02:03z") == "2026-11-22T01:02:03.000000Z");
    CHECK(exact("2026-11-22T01:02:03.5Z") == "2026-11-22T01:02:03.500000Z");
    CHECK(exact("2026-11-22T01:02:03.000001Z") == "2026-11-22T01:02:03.000001Z");
    CHECK(exact("2026-11-22T01:02:03.123456Z") == "2026-11-22T01:02:03.123456Z");
    CHECK(exact("2026-11-22T01:02:03+01:00") == "2026-11-22T00:02:03.000000Z");
    CHECK(exact("2026-11-22T01:02:03-05:30") == "2026-11-22T06:32:03.000000Z");
    CHECK(exact("2026-11-22T01:02:03-00:00") == "2026-11-22T01:02:03.000000Z");
    CHECK(exact("2026-01-01T00:30:00+23:59") == "2025-12-31T00:31:00.000000Z");
}

TEST_CASE("instants are read as PostgreSQL prints them") {
    CHECK(exact("2026-11-22 01:02:03.123456+00") == "2026-11-22T01:02:03.123456Z");
    CHECK(exact("2026-11-22 01:02:03+00") == "2026-11-22T01:02:03.000000Z");
    CHECK(exact("2026-11-22 01:02:03.5+05:30") == "2026-11-21T19:32:03.500000Z");
    CHECK(exact("2026-11-22 01:02:03-08") == "2026-11-22T09:02:03.000000Z");
    CHECK(has(instant_refusal("infinity"), "not a date"));
    CHECK(has(instant_refusal("-infinity"), "not a date"));
    CHECK(has(instant_refusal("10000-01-01 00:00:00+00"), "not a date"));
    CHECK(has(instant_refusal("0044-03-15 12:00:00+00 BC"), "not a date"));
}

TEST_CASE("the calendar is exact at its edges") {
    CHECK(exact("0001-01-01T00:00:00Z") == "0001-01-01T00:00:00.000000Z");
    CHECK(exact("9999-12-31T23:59:59.999999Z") == "9999-12-31T23:59:59.999999Z");
    CHECK(exact("2024-02-29T12:00:00Z") == "2024-02-29T12:00:00.000000Z");
    CHECK(exact("2000-02-29T12:00:00Z") == "2000-02-29T12:00:00.000000Z");
    CHECK(exact("1969-12-31T23:59:59.999999Z") == "1969-12-31T23:59:59.999999Z");
    for (std::string const day : {"2023-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00",
                                  "2026-01-32", "0000-01-01"}) {
        CAPTURE(day);
        CHECK(has(instant_refusal(day + "T00:00:00Z"), "a day that does not exist"));
    }
    CHECK(has(instant_refusal("0001-01-01T00:00:00+00:01"), "years 1 to 9999"));
    CHECK(has(instant_refusal("9999-12-31T23:59:59-00:01"), "years 1 to 9999"));
}

TEST_CASE("times of day that do not exist and leap seconds are refused") {
    CHECK(has(instant_refusal("2026-11-22T24:00:00Z"), "time of day"));
    CHECK(has(instant_refusal("2026-11-22T23:60:00Z"), "time of day"));
    CHECK(has(instant_refusal("2026-11-22T23:59:61Z"), "time of day"));
    CHECK(has(instant_refusal("2016-12-31T23:59:60Z"), "leap second"));
    CHECK(has(instant_refusal("2026-11-22T00:00:00+24:00"), "offset out of range"));
    CHECK(has(instant_refusal("2026-11-22T00:00:00+00:60"), "offset out of range"));
}

TEST_CASE("an instant must be whole and nothing more") {
    CHECK(has(instant_refusal("2026-11-22T01:02:03"), "no time zone"));
    CHECK(has(instant_refusal("2026-11-22T01:02:03.5"), "no time zone"));
    CHECK(has(instant_refusal("2026-11-22T01:02:03.1234567Z"), "more than 6 digits"));
    CHECK(has(instant_refusal(""), "is empty"));
    for (std::string const text : {"2026-11-22",
                                   "2026-11-22T01:02Z",
                                   "2026-11-22T01:02:03ZZ",
                                   "2026-11-22T01:02:03Z ",
                                   " 2026-11-22T01:02:03Z",
                                   "2026-11-22T01:02:03.Z",
                                   "2026-11-22T01:02:03,5Z",
                                   "2026-11-22T01:02:03+1:00",
                                   "2026-11-22T01:02:03+01:0",
                                   "2026-11-22T01:02:03+0100",
                                   "2026-11-22T01:02:03+",
                                   "2026-11-22T01:02:03+01:00Z",
                                   "26-11-22T01:02:03Z",
                                   "2026-1-22T01:02:03Z",
                                   "2026/11/22T01:02:03Z",
                                   "2026-11-22X01:02:03Z",
                                   "+2026-11-22T01:02:03Z",
                                   "2026-11-22T01.02.03Z",
                                   "2026-11-22T01:02:03UTC",
                                   "tomorrow",
                                   "1795309323",
                                   "-026-11-22T01:02:03Z",
                                   "2026-11-22  01:02:03+00"}) {
        CAPTURE(text);
        CHECK(has(instant_refusal(text), "not a date and time"));
    }
    CHECK(has(instant_refusal(std::string("2026-11-22T01:02:03Z\0", 21)), "not a date"));
    CHECK(has(instant_refusal("\x1b[31m"), "\\x1b[31m"));
}

TEST_CASE("instants are written with seconds, milliseconds or all, rounded down") {
    Instant const instant = relay::parse_instant("2026-11-22T01:02:03.999999Z");
    CHECK(relay::format_instant(instant) == "2026-11-22T01:02:03.999Z");
    CHECK(relay::format_instant_exact(instant) == "2026-11-22T01:02:03.999999Z");
    CHECK(relay::format_instant_seconds(instant) == "2026-11-22T01:02:03Z");
    CHECK(relay::format_instant(at(-1)) == "1969-12-31T23:59:59.999Z");
    CHECK(relay::format_instant_seconds(at(-1)) == "1969-12-31T23:59:59Z");
    CHECK(relay::format_instant(at(5000)) == "1970-01-01T00:00:00.005Z");
    CHECK(relay::format_instant_seconds(relay::parse_instant("0987-06-05T04:03:02Z")) == "0987-06-05T04:03:02Z");
}

TEST_CASE("instants outside the years 1 to 9999 cannot be written") {
    for (Instant const instant : {Instant::min(), Instant::max(), relay::parse_instant("0001-01-01T00:00:00Z") - 1us,
                                  relay::parse_instant("9999-12-31T23:59:59.999999Z") + 1us}) {
        CHECK_THROWS_AS(relay::format_instant(instant), relay::Error);
        CHECK_THROWS_AS(relay::format_instant_exact(instant), relay::Error);
        CHECK_THROWS_AS(relay::format_instant_seconds(instant), relay::Error);
    }
}

TEST_CASE("every instant that is written exactly reads back as itself") {
    std::int64_t const first = relay::parse_instant("0001-01-01T00:00:00Z").time_since_epoch().count();
    std::int64_t const last = relay::parse_instant("9999-12-31T23:59:59.999999Z").time_since_epoch().count();
    std::int64_t const step = (last - first) / 50021;  // a prime: all months, days and times come up
    for (std::int64_t us = first; us <= last - step; us += step) {
        REQUIRE(relay::parse_instant(relay::format_instant_exact(at(us))) == at(us));
    }
}

TEST_CASE("durations are whole numbers with units") {
    CHECK(relay::parse_duration("0") == 0s);
    CHECK(relay::parse_duration("30s") == 30s);
    CHECK(relay::parse_duration("10m") == 10min);
    CHECK(relay::parse_duration("24h") == 24h);
    CHECK(relay::parse_duration("90d") == 90 * 24h);
    CHECK(relay::parse_duration("1d12h") == 36h);
    CHECK(relay::parse_duration("1d2h3m4s") == 26h + 3min + 4s);
    CHECK(relay::parse_duration("1d4s") == 24h + 4s);
    CHECK(relay::parse_duration("0d") == 0s);
    CHECK(relay::parse_duration("007h") == 7h);
    CHECK(relay::parse_duration("1h90m") == 150min);
}

TEST_CASE("a duration without a unit, with a sign, a fraction or a wrong unit is refused by name") {
    CHECK(has(duration_refusal("90"), "no unit"));
    CHECK(has(duration_refusal("1d12"), "no unit"));
    CHECK(has(duration_refusal("00"), "no unit"));
    CHECK(has(duration_refusal("-5d"), "sign"));
    CHECK(has(duration_refusal("+5d"), "sign"));
    CHECK(has(duration_refusal("1.5h"), "fraction"));
    CHECK(has(duration_refusal("1,5h"), "fraction"));
    CHECK(has(duration_refusal("5 d"), "has a space"));
    CHECK(has(duration_refusal(""), "empty"));
    CHECK(has(duration_refusal("5w"), "unknown unit"));
    CHECK(has(duration_refusal("5D"), "unknown unit"));
    CHECK(has(duration_refusal("5ms"), "not a duration"));
    CHECK(has(duration_refusal("d"), "not a duration"));
    CHECK(has(duration_refusal("1d-2h"), "not a duration"));
    CHECK(has(duration_refusal(" 1d"), "not a duration"));
    CHECK(has(duration_refusal("1d "), "not a duration"));
    CHECK(has(duration_refusal("forever"), "not a duration"));
    CHECK(has(duration_refusal("--dry-run"), "sign"));
    CHECK(has(duration_refusal(std::string("1d\0", 3)), "not a duration"));
}

TEST_CASE("units occur once each, in falling order") {
    for (std::string const text : {"1h1d", "1s1m", "1h1h", "1m1s1m", "1d1d"}) {
        CAPTURE(text);
        CHECK(has(duration_refusal(text), "largest to the smallest"));
    }
}

TEST_CASE("ten years are the most, and no number of digits overflows") {
    CHECK(relay::parse_duration("3650d") == relay::longest_duration);
    CHECK(relay::parse_duration("87600h") == relay::longest_duration);
    CHECK(relay::parse_duration("315360000s") == relay::longest_duration);
    for (std::string const text :
         {"3651d", "87601h", "5256001m", "315360001s", "3650d1s", "3649d24h1s", "9223372036854775807s",
          "9223372036854775808d", "18446744073709551616s", "18446744073709551617d"}) {
        CAPTURE(text);
        CHECK(has(duration_refusal(text), "longer than ten years"));
    }
    CHECK(has(duration_refusal(std::string(100000, '9') + 'd'), "longer than ten years"));
    CHECK(relay::parse_duration(std::string(1000, '0') + "1d") == 24h);
}

TEST_CASE("the hint for a missing unit repeats the number") {
    try {
        relay::parse_duration("90");
    } catch (relay::Error const &error) {
        CHECK(error.hint().next == "write 90d, 90h, 90m or 90s");
    }
}

TEST_CASE("durations are written in their shortest exact form") {
    CHECK(relay::format_duration(0s) == "0");
    CHECK(relay::format_duration(1s) == "1s");
    CHECK(relay::format_duration(60s) == "1m");
    CHECK(relay::format_duration(90s) == "1m30s");
    CHECK(relay::format_duration(90min) == "1h30m");
    CHECK(relay::format_duration(24h) == "1d");
    CHECK(relay::format_duration(36h) == "36h");
    CHECK(relay::format_duration(24h + 1s) == "24h1s");
    CHECK(relay::format_duration(90 * 24h) == "90d");
    CHECK(relay::format_duration(-90min) == "-1h30m");
    CHECK(relay::format_duration(seconds::min()) == "-2562047788015215h30m8s");
    CHECK(relay::format_duration(seconds::max()) == "2562047788015215h30m7s");
}

TEST_CASE("every duration that is written reads back as itself") {
    for (std::int64_t count = 0; count < relay::longest_duration.count(); count += 1 + count / 100) {
        REQUIRE(relay::parse_duration(relay::format_duration(seconds(count))) == seconds(count));
    }
}

TEST_CASE("durations are shown in their largest unit, rounded down") {
    CHECK(relay::describe_duration(0s) == "0 seconds");
    CHECK(relay::describe_duration(1s) == "1 second");
    CHECK(relay::describe_duration(59s) == "59 seconds");
    CHECK(relay::describe_duration(60s) == "1 minute");
    CHECK(relay::describe_duration(239s) == "3 minutes");
    CHECK(relay::describe_duration(3599s) == "59 minutes");
    CHECK(relay::describe_duration(1h) == "1 hour");
    CHECK(relay::describe_duration(47h) == "1 day");
    CHECK(relay::describe_duration(23h + 59min) == "23 hours");
    CHECK(relay::describe_duration(90 * 24h) == "90 days");
    CHECK(relay::describe_duration(-60s) == "-1 minute");
    CHECK(relay::describe_duration(seconds::min()) == "-106751991167300 days");
}
