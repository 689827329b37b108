#include "cli/output/advice_text.hpp"
#include "cli/output/command_text.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;

namespace {

std::string line_with(Globals const &globals) { return command_line(globals, {"org", "list"}); }

}  // namespace

TEST_CASE("a word for sh is quoted if necessary") {
    CHECK(shell_word("it's") == R"('it'\''s')");
    CHECK(shell_word("a/b.key") == "a/b.key");
    CHECK(shell_word("") == "''");
}

TEST_CASE("a command names the database as the run that advises it did") {
    CHECK(line_with({}) == "relay-admin org list");
    CHECK(line_with({.sandbox = true}) == "relay-admin --sandbox org list");
    CHECK(line_with({.service = "relay"}) == "relay-admin --service relay org list");
    CHECK(line_with({.service = "-x y"}) == "relay-admin '--service=-x y' org list");
    CHECK(line_with({.dsn_file = "/etc/it's here"}) == "relay-admin --dsn-file '/etc/it'\\''s here' org list");
    CHECK(line_with({.dsn = "host=db dbname=relay"}) == "relay-admin --dsn 'host=db dbname=relay' org list");
    CHECK(line_with({.dsn = "postgresql://ann@db/relay?sslmode=require"}) ==
          "relay-admin --dsn 'postgresql://ann@db/relay?sslmode=require' org list");
}

TEST_CASE("a connection string that holds a password, or might, is not repeated") {
    for (char const *const dsn : {"password=hunter2 host=db", "postgresql://u:hunter2@db/x",
                                  "postgresql://u:hun@ter2@db/x", "password=hunter2 nonsense", "sslpassword=hunter2"}) {
        CHECK(line_with({.dsn = dsn}) == "relay-admin --dsn CONNINFO org list");
    }
}

TEST_CASE("a command that needs no database, or names one itself, names no other") {
    Globals const globals{.service = "relay"};
    CHECK(command_line(globals, {"org", "create", "--help"}) == "relay-admin org create --help");
    CHECK(command_line(globals, {"help"}) == "relay-admin help");
    CHECK(command_line(globals, {"sandbox", "destroy"}) == "relay-admin sandbox destroy");
    CHECK(command_line(globals, {"schema", "json", "Error"}) == "relay-admin schema json Error");
    CHECK(command_line(globals, {"--sandbox", "init"}) == "relay-admin --sandbox init");
    CHECK(command_line(globals, {"schema", "apply"}) == "relay-admin --service relay schema apply");
}

TEST_CASE("each step is on its own line, and a command on it can be pasted") {
    Advice const advice = advise(Act::show_role, "acme", "ops")
                              .also(advise(Act::extend_legacy_window))
                              .noting("they need more time")
                              .also(own_command({"unblock", "--ticket", "INC 42"}))
                              .also(use_tool("mv", "a b", "c"))
                              .also(advise(Act::update_org, "acme"))
                              .also("GRANT relay_auditor TO \"x\"");
    CHECK(advice_lines(advice, {.sandbox = true}) ==
          std::vector<std::string>{"relay-admin --sandbox role show ops --org acme",
                                   "relay-admin --sandbox migrate-legacy extend --deadline 7d --reason "
                                   "'more time to move'  # they need more time",
                                   "relay-admin --sandbox unblock --ticket 'INC 42'", "mv 'a b' c",
                                   "to change it, use org update acme", "GRANT relay_auditor TO \"x\""});
    CHECK(first_advice(advice, {}) == "relay-admin role show ops --org acme");
    CHECK(first_advice(advise(Act::extend_legacy_window).noting("x"), {}) ==
          "relay-admin migrate-legacy extend --deadline 7d --reason 'more time to move'");
}

TEST_CASE("a subject stays one word, whatever it holds") {
    CHECK(first_advice(advise(Act::show_agent, "a b; rm -rf {2}"), {}) == "relay-admin agent show 'a b; rm -rf {2}'");
    CHECK(first_advice(advise(Act::show_role, "{2}", "x"), {}) == "relay-admin role show x --org '{2}'");
}

TEST_CASE("without advice there is no line") {
    CHECK(advice_lines({}, {}).empty());
    CHECK(advice_lines("", {}).empty());
    CHECK(first_advice(Advice(std::string()), {}).empty());
}
