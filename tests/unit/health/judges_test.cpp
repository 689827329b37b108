#include "relay/health/judges.hpp"
#include "tests/unit/advice_words.hpp"

#include <doctest/doctest.h>

// States that no server here can be brought into; tests/cli/test_doctor.py covers the rest on real servers.

using namespace relay;
using namespace std::chrono_literals;

TEST_SUITE("doctor_judges") {
    TEST_CASE("a server that is too old or too new") {
        auto const judged = [](std::int64_t number) {
            return doctor::judge_version({.version_number = number}).status;
        };
        CHECK(judged(120'022) == CheckStatus::error);
        CHECK(judged(130'000) == CheckStatus::ok);
        CHECK(judged(180'004) == CheckStatus::ok);
        CHECK(judged(190'000) == CheckStatus::warn);
    }

    TEST_CASE("a clock is as exact as half the way there and back") {
        auto const judged = [](std::chrono::milliseconds ahead, std::chrono::milliseconds round_trip) {
            return doctor::judge_clock(ahead, round_trip).status;
        };
        CHECK(judged(0ms, 1ms) == CheckStatus::ok);
        CHECK(judged(2000ms, 2ms) == CheckStatus::ok);
        CHECK(judged(2002ms, 2ms) == CheckStatus::warn);
        CHECK(judged(-2002ms, 2ms) == CheckStatus::warn);
        CHECK(judged(5000ms, 7000ms) == CheckStatus::ok);
        CHECK(judged(60'002ms, 2ms) == CheckStatus::error);
        CHECK(judged(-61'000ms, 4000ms) == CheckStatus::warn);
        CHECK(doctor::judge_clock(-90s, 2ms).message.find("1 minute behind") != std::string::npos);
    }

    TEST_CASE("Kerberos encrypts, too") {
        sql::ServerFacts facts{.link = {.host = "db.example"}, .gss_encrypted = true};
        CHECK(doctor::judge_tls(facts, {.sslmode = "verify-full"}).status == CheckStatus::ok);
        facts.gss_encrypted = false;
        CHECK(doctor::judge_tls(facts, {.sslmode = "verify-full"}).status == CheckStatus::error);
    }

    TEST_CASE("a standby that is hidden from us is not judged") {
        sql::SynchronousStandbys const hidden{.names = "FIRST 1 (a)", .streaming = 0, .hidden = true};
        CHECK(doctor::judge_standbys({}, hidden).status == CheckStatus::skipped);
        CHECK(doctor::judge_standbys({.standby = true}, hidden).status == CheckStatus::ok);
        CHECK(doctor::judge_standbys({}, {.names = "*", .streaming = 1}).status == CheckStatus::ok);
        CHECK(doctor::judge_standbys({}, {.names = "*", .streaming = 0}).status == CheckStatus::error);
    }

    TEST_CASE("a role in a statement is quoted where it must be") {
        auto const next = [](char const *role) {
            return doctor::judge_role({.role = role, .has_schema = true, .may_read = false}).next;
        };
        CHECK(next("relay_ci") == "GRANT relay_auditor TO relay_ci");
        CHECK(next("Ana\"; DROP") == "GRANT relay_auditor TO \"Ana\"\"; DROP\"");
        CHECK(next("1st") == "GRANT relay_auditor TO \"1st\"");
    }
}
