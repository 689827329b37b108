#include "cli/output/progress.hpp"

#include <doctest/doctest.h>

using namespace relay::cli;
using namespace std::chrono_literals;

namespace {

/// A stream that remembers, and a clock that is set by hand.
struct Watched {
    std::string written{};
    Progress::Clock::time_point time{};

    Progress::Stream stream(Progress::Stream::Kind kind, std::size_t columns = 80) {
        return {.kind = kind,
                .columns = [columns] { return columns; },
                .write = [this](std::string_view text) { written += text; },
                .now = [this] { return time; }};
    }
};
using Kind = Progress::Stream::Kind;

}  // namespace

TEST_CASE("progress shows how far, how fast, and the time left") {
    CHECK(
        progress_text(
            {.what = "scanning a.log", .bytes = true, .done = 1'200'000'000, .total = 2'700'000'000, .elapsed = 4s}) ==
        "scanning a.log: 44 %, 1.2 GB of 2.7 GB, 300 MB/s, 5 s left");
    CHECK(progress_text({.what = "rotating keys", .done = 45, .total = 1000, .elapsed = 5s}) ==
          "rotating keys: 45 of 1000, 9/s, 2 min left");
    CHECK(progress_text({.what = "scanning stdin", .bytes = true, .done = 999, .elapsed = 2s}) ==
          "scanning stdin: 999 B, 500 B/s");
    CHECK(progress_text({.what = "rotating keys", .done = 3, .total = 100, .elapsed = 10s}) ==
          "rotating keys: 3 of 100, 0.3/s, 5 min left");
    CHECK(progress_text({.what = "x", .done = 0, .total = 0}) == "x: 0 of 0");
    CHECK(progress_text({.what = "x", .bytes = true, .done = 20, .total = 10, .elapsed = 1s}) ==
          "x: 100 %, 20 B of 10 B, 20 B/s");
    CHECK(progress_text({.what = "\033[2J", .done = 1}) == "\\x1b[2J: 1");
}

TEST_CASE("at a terminal nothing is shown for a second, then one line is written over, and nothing is left") {
    Watched watched;
    {
        Progress progress(watched.stream(Kind::terminal), "x", false, 100);
        watched.time += 999ms;
        progress.report(1);
        CHECK(watched.written.empty());
        watched.time += 1ms;
        progress.report(10);
        CHECK(watched.written == "\r\033[Kx: 10 of 100, 10/s, 9 s left");
        watched.time += 100ms;
        progress.report(11);
        CHECK(watched.written.find("11 of") == std::string::npos);
        watched.time += 900ms;
        progress.report(40);
        CHECK(watched.written.ends_with("\r\033[Kx: 40 of 100, 20/s, 3 s left"));
    }
    CHECK(watched.written.ends_with("left\r\033[K"));
    CHECK(watched.written.find('\n') == std::string::npos);
}

TEST_CASE("a line of progress is never as wide as the screen") {
    Watched watched;
    Progress progress(watched.stream(Kind::terminal, 12), "scanning", false, 100);
    watched.time += 2s;
    progress.report(10);
    CHECK(watched.written == "\r\033[Kscanning:\u2026");
}

TEST_CASE("a long name is cut to make room for the numbers") {
    Watched watched;
    Progress progress(watched.stream(Kind::terminal, 60), "scanning /a/path/that/is/as/long/as/paths/get/app.log", true,
                      100);
    watched.time += 2s;
    progress.report(10);
    CHECK(watched.written == "\r\033[Kscanning /a/path/th\u2026: 10 %, 10 B of 100 B, 5 B/s, 18 s left");
}

TEST_CASE("short work shows no progress") {
    Watched watched;
    for (Kind const kind : {Kind::terminal, Kind::log, Kind::none}) {
        Progress progress(watched.stream(kind), "x", false, 100);
        progress.report(100);
    }
    CHECK(watched.written.empty());
}

TEST_CASE("in a log there is one line per ten seconds, and with --quiet there is none") {
    Watched watched;
    {
        Progress progress(watched.stream(Kind::log), "x", false, std::nullopt);
        for (int i = 0; i < 25; ++i) {
            watched.time += 1s;
            progress.report(static_cast<std::uint64_t>(i));
        }
    }
    CHECK(watched.written == "x: 9, 0.9/s\nx: 19, 0.9/s\n");
    Watched quiet;
    Progress progress(quiet.stream(Kind::none), "x", false, 100);
    quiet.time += 100s;
    progress.report(1);
    CHECK(quiet.written.empty());
}
