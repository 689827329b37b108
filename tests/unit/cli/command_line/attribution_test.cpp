#include "cli/command_line/attribution.hpp"
#include "tests/unit/cli/command_line_fixture.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::test;

namespace {

std::string actor(Variables const &variables, Globals const &globals = {}) {
    return make_attribution(globals, environment(variables)).actor.text();
}

std::string trace(std::string const &parent) {
    return make_attribution({}, environment({{"TRACEPARENT", parent}})).trace_id;
}

}  // namespace

TEST_CASE("the actor is the flag, then the CI run, then the user who called sudo, then the login name") {
    Variables all{{"GITHUB_ACTOR", "ana"},      {"GITHUB_REPOSITORY", "acme/infra"}, {"GITHUB_RUN_ID", "42"},
                  {"GITLAB_USER_LOGIN", "bob"}, {"CI_PROJECT_PATH", "acme/relay"},   {"CI_JOB_ID", "7"},
                  {"SUDO_USER", "eve"}};
    CHECK(actor(all, {.actor = "me"}) == "me");
    CHECK(actor(all) == "github:acme/infra@ana#42");
    all.erase("GITHUB_ACTOR");
    CHECK(actor(all) == "gitlab:acme/relay@bob#7");
    all.erase("GITLAB_USER_LOGIN");
    CHECK(actor(all) == "eve");
    CHECK_FALSE(actor({}).empty());
    CHECK(actor({{"GITHUB_ACTOR", "ana"}}) == "github:ana");
}

TEST_CASE("hostile environment is escaped and cut, hostile flags are refused") {
    CHECK(actor({{"SUDO_USER", "a\033[2J\n\u202eb\xff"}}) == "a\\x1b[2J\\x0a\\u202eb\\xff");
    std::string const cut = actor({{"SUDO_USER", std::string(199, 'x') + "\u00e9\u00e9"}});
    CHECK(cut == std::string(199, 'x'));
    CHECK_THROWS_AS(actor({}, {.actor = "a\nb"}), Error);
    CHECK_THROWS_AS(actor({}, {.reason = "a\u202eb"}), Error);
}

TEST_CASE("a well-formed TRACEPARENT gives the trace id, anything else a new one") {
    std::string const id = "4bf92f3577b34da6a3ce929d0e0e4736";
    CHECK(trace("00-" + id + "-00f067aa0ba902b7-01") == id);
    CHECK(trace("cc-" + id + "-00f067aa0ba902b7-01-more") == id);
    for (std::string const &bad : std::vector<std::string>{
             "00-" + id + "-00f067aa0ba902b7-01-more", "ff-" + id + "-00f067aa0ba902b7-01",
             "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01", "00-" + id + "-0000000000000000-01",
             "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-" + id, std::string()}) {
        CAPTURE(bad);
        CHECK(trace(bad) != id);
        CHECK(trace(bad).size() == 32);
    }
}
