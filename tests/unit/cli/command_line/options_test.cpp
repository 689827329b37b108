#include "cli/command_line/id_flags.hpp"

#include "tests/unit/cli/command_line_fixture.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::test;
using namespace std::chrono_literals;

TEST_CASE("numbers are checked whole, and the error says the range") {
    run({"org", "create", "--name", "x", "--max-agents", "1000"});
    CHECK(seen()->limit == 1000);
    for (char const *bad : {"0", "1001", "-1", "1.5", "1e3", "5x", " 5", "+5", "99999999999999999999999"}) {
        CHECK(message_of({"org", "create", "--name", "x", std::string("--max-agents=") + bad}) ==
              std::string("--max-agents is '") + bad + "', but must be a whole number, 1 to 1000");
    }
}

TEST_CASE("a choice is one of its words, and a near miss gets a suggestion") {
    run({"org", "create", "--name", "x", "--plan", "paid"});
    CHECK(seen()->plan == "paid");
    CHECK(message_of({"org", "create", "--name", "x", "--plan", "Paid"}) ==
          "--plan is 'Paid', but must be one of free, paid");
    CHECK(error_of({"org", "create", "--name", "x", "--plan", "piad"}).hint().suggestions == Words{"paid"});
}

TEST_CASE("durations and times name their flag when they are wrong") {
    run({"rotate-key", "--grace", "24h", "--until", "2026-11-22T01:02:03Z"});
    CHECK(seen()->grace == 24h);
    CHECK(seen()->until.has_value());
    for (char const *bad : {"90", "1.5h", "5 d", "h"}) {
        CHECK(message_of({"rotate-key", "--grace", bad}).starts_with("--grace: "));
    }
    CHECK(message_of({"rotate-key", "--until", "tomorrow"}).starts_with("--until: "));
}

TEST_CASE("two spellings of one argument must agree") {
    auto const spelled = [](std::optional<std::string> word, std::optional<std::string> flag) {
        return SpelledId{std::move(word), std::move(flag), "AGENT", "--agent-id"};
    };
    CHECK(spelled("a", std::nullopt).given() == "a");
    CHECK(spelled(std::nullopt, "b").given() == "b");
    CHECK(spelled("a", "a").required() == "a");
    CHECK(spelled(std::nullopt, std::nullopt).given() == std::nullopt);
    CHECK_THROWS_WITH_AS(spelled("a", "b").given(), "AGENT is 'a', but --agent-id is 'b'; give only one of them",
                         Error);
    CHECK_THROWS_WITH_AS(spelled(std::nullopt, std::nullopt).required(), "missing: AGENT", Error);
}

TEST_CASE("flags that exclude each other are named") {
    CHECK_NOTHROW(at_most_one({{"--a", false}, {"--b", true}}));
    CHECK_THROWS_WITH_AS(at_most_one({{"--a", true}, {"--b", false}, {"--c", true}}),
                         "--a and --c cannot be used together", Error);
    CHECK_THROWS_WITH_AS(exactly_one({{"--a", false}, {"--b", false}}), "missing: one of --a, --b", Error);
}

TEST_CASE("global settings: flag before environment before default") {
    Words const line{"rotate-key", "a1"};
    CHECK(run(line).timeout == 10s);
    CHECK(run(line, {{"RELAY_ADMIN_TIMEOUT", "30s"}, {"RELAY_ADMIN_OUTPUT", "csv"}}).timeout == 30s);
    CHECK(run(line, {{"RELAY_ADMIN_OUTPUT", "csv"}}).format == OutputFormat::csv);
    CHECK(run({"rotate-key", "--json"}, {{"RELAY_ADMIN_OUTPUT", "csv"}}).format == OutputFormat::json);
    CHECK(run({"rotate-key", "--timeout", "150ms"}, {{"RELAY_ADMIN_TIMEOUT", "bad"}}).timeout == 150ms);
    CHECK(message_of(line, {{"RELAY_ADMIN_OUTPUT", "yaml"}}).starts_with("RELAY_ADMIN_OUTPUT is 'yaml'"));
    CHECK(message_of(line, {{"RELAY_ADMIN_TIMEOUT", "soon"}}).starts_with("RELAY_ADMIN_TIMEOUT: "));
}

TEST_CASE("time-outs are from 100ms to 10m") {
    CHECK(parse_timeout("t", "100ms") == 100ms);
    CHECK(parse_timeout("t", "10m") == 10min);
    for (char const *bad : {"0", "99ms", "11m", "ms", "-5ms", "99999999999999999999ms", "10", "1s500ms"}) {
        CAPTURE(std::string(bad));
        CHECK_THROWS_AS(parse_timeout("t", bad), Error);
    }
}

TEST_CASE("ways to name the database, and ways to talk, exclude each other") {
    CHECK(message_of({"rotate-key", "--dsn", "x", "--sandbox"}) == "--dsn and --sandbox cannot be used together");
    CHECK(message_of({"rotate-key", "--service", "x", "--dsn-file", "f"}) ==
          "--dsn-file and --service cannot be used together");
    CHECK(message_of({"rotate-key", "-q", "-v"}) == "--quiet and --verbose cannot be used together");
    CHECK(message_of({"rotate-key", "--json", "-o", "csv"}) == "--json and --output csv cannot be used together");
    CHECK(run({"rotate-key", "--json", "-o", "json", "-n", "-n"}).dry_run);
}
