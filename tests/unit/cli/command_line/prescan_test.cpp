#include "cli/command_line/prescan.hpp"
#include "cli/output/command_text.hpp"
#include "tests/unit/cli/command_line_fixture.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::test;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> suggestions_of(Words const &words) { return error_of(words).hint().suggestions; }

}  // namespace

TEST_CASE("a value flag never takes the flag behind it as its value") {
    std::vector<std::string> const value_flags{"--dsn",   "-d",           "--dsn-file", "--service", "--timeout",
                                               "-o",      "--output",     "--color",    "--reason",  "--ticket",
                                               "--actor", "--org",        "--tag",      "--org-id",  "--grace",
                                               "--until", "--permissions"};
    for (std::string const &flag : value_flags) {
        for (std::string const next : {"--dry-run", "-n", "-5", "--", "--org=x", "-h", "--help"}) {
            CAPTURE(flag);
            CAPTURE(next);
            CHECK(message_of({"rotate-key", "a1", flag, next}) ==
                  "flag " + flag + " needs a value, but the next word is " + next);
        }
        CHECK(message_of({"rotate-key", "a1", flag}) == "flag " + flag + " needs a value");
    }
    CHECK(error_of({"rotate-key", "a1", "--reason", "--dry-run"}).hint().next ==
          "to pass that text as the value, write --reason=--dry-run");
}

TEST_CASE("a text that looks like a flag is a value behind the equals sign") {
    Globals const globals = run({"rotate-key", "a1", "--reason=--dry-run", "--ticket", "-"});
    CHECK(globals.reason == "--dry-run");
    CHECK(globals.ticket == "-");
    CHECK_FALSE(globals.dry_run);
}

TEST_CASE("global flags may be anywhere, in every spelling") {
    for (Words const &words :
         std::vector<Words>{{"-o", "json", "-n", "org", "create", "--name", "Acme", "acme"},
                            {"org", "-ojson", "create", "-n", "--name=Acme", "acme"},
                            {"org", "create", "acme", "--name", "Acme", "--output=json", "--dry-run"},
                            {"org", "create", "--name", "Acme", "-o=json", "acme", "-n"},
                            {"--json", "org", "create", "-n", "--name", "Acme", "--", "acme"},
                            {"org", "create", "-nojson", "--name", "Acme", "acme"}}) {
        Globals const globals = run(words);
        CHECK(globals.format == OutputFormat::json);
        CHECK(globals.dry_run);
        CHECK(seen()->name == "Acme");
        CHECK(seen()->id == "acme");
    }
}

TEST_CASE("an alias is a second path of the same command") {
    run({"agent", "rotate-key", "a1", "a2"});
    CHECK(seen()->command == "rotate-key");
    CHECK(seen()->words == Words{"a1", "a2"});
}

TEST_CASE("two names of one flag are one flag") {
    run({"rotate-key", "--org-id", "acme"});
    CHECK(seen()->org == "acme");
    CHECK(message_of({"rotate-key", "--org", "a", "--org-id", "b"}) == "flag --org-id is given more than once");
    CHECK(error_of({"rotate-key", "--org", "a", "--org-id=b"}).hint().why == "--org and --org-id are the same flag");
    CHECK(message_of({"rotate-key", "--reason", "a", "--reason", "a"}) == "flag --reason is given more than once");
}

TEST_CASE("a command's own flag wins over a global of the same name behind the command") {
    CHECK(run({"--timeout", "3s", "key", "wait", "k1", "--timeout", "10m"}).timeout == 3s);
    CHECK(seen()->grace == 10min);
}

TEST_CASE("flags that may be repeated gather their values, and swallow nothing") {
    run({"rotate-key", "--tag", "x", "a1", "--tag=y,z", "a2", "--permissions", "s:a,s:b", "--permissions=s:c"});
    CHECK(seen()->tags == Words{"x", "y,z"});
    CHECK(seen()->permissions == Words{"s:a", "s:b", "s:c"});
    CHECK(seen()->words == Words{"a1", "a2"});
    CHECK(message_of({"rotate-key", "--permissions", "a,,b"}) == "--permissions has an empty value between commas");
}

TEST_CASE("words reach the command as they are") {
    run({"rotate-key", "--tag=[a,b]", "[x,y]", "=", "org", "-", "--", "--force", "-1", "--"});
    CHECK(seen()->tags == Words{"[a,b]"});
    CHECK(seen()->words == Words{"[x,y]", "=", "org", "-", "--force", "-1", "--"});
    CHECK_FALSE(seen()->force);
}

TEST_CASE("unknown commands are named, and close ones suggested") {
    CHECK(message_of({"agnet", "create"}) == "unknown command 'agnet'");
    CHECK(suggestions_of({"agnet"}) == Words{"agent"});
    CHECK(message_of({"org", "craete"}) == "unknown command 'org craete'");
    CHECK(suggestions_of({"org", "craete"}) == Words{"org create"});
    CHECK(suggestions_of({"agent", "rotate-keys"}) == Words{"agent rotate-key"});
    CHECK(suggestions_of({"create", "org"}) == Words{"org create"});
    CHECK(suggestions_of({"zzzzzzz"}).empty());
    CHECK(message_of({"agnet", "--help"}) == "unknown command 'agnet'");
    CHECK(message_of({""}) == "unknown command ''");
}

TEST_CASE("commands and flags are never abbreviated") {
    CHECK(message_of({"rotate"}) == "unknown command 'rotate'");
    CHECK(message_of({"rotate-key", "--forc"}) == "unknown flag --forc");
    CHECK(message_of({"rotate-key", "--dry"}) == "unknown flag --dry");
}

TEST_CASE("unknown flags are named, and close ones of command and program suggested") {
    CHECK(message_of({"org", "create", "--nmae", "x"}) == "unknown flag --nmae");
    CHECK(suggestions_of({"org", "create", "--nmae", "x"}) == Words{"--name"});
    CHECK(suggestions_of({"org", "create", "--dryrun"}) == Words{"--dry-run"});
    CHECK(suggestions_of({"org", "create", "-name", "x"}) == Words{"--name"});
    CHECK(message_of({"org", "create", "-dry-run"}) == "unknown flag -dry-run");
    CHECK(message_of({"org", "create", "-nx"}) == "unknown flag -nx");
    CHECK(message_of({"rotate-key", "-5"}) == "unknown flag -5");
    CHECK(error_of({"--name", "x", "org", "create"}).hint().next == "put the flags of a command after its name");
}

TEST_CASE("extra words, missing words and missing flags are named") {
    CHECK(message_of({"org", "create", "a", "b", "--name", "x"}) == "unexpected word 'b'");
    CHECK(message_of({"org", "create", "a"}) == "missing: --name");
    CHECK(message_of({"key", "wait"}) == "missing: KEY");
    CHECK(message_of({"org"}) == "org needs a command: create, list");
    CHECK(error_of({"org"}).hint().next == own_command({"org", "--help"}));
    CHECK(message_of({"-n"}) == "no command given");
}

TEST_CASE("empty values, values of bare flags, broken UTF-8 and typographic dashes are refused") {
    CHECK(message_of({"org", "create", "--name", ""}) == "the value of --name is empty");
    CHECK(message_of({"org", "create", "--name="}) == "the value of --name is empty");
    CHECK(message_of({"-o=", "org", "create", "--name=x"}) == "the value of -o is empty");
    CHECK(message_of({"org", "create", "", "--name", "x"}) == "argument 3 is empty");
    CHECK(message_of({"rotate-key", "--force=no"}) == "flag --force does not take a value");
    CHECK(message_of({"org", "create", "--name", "\xc3\x28"}) == "argument 4 is not valid UTF-8");
    CHECK(message_of({"rotate-key", "\u2013force"}) == "the word '\u2013force' starts with a typographic dash");
    run({"rotate-key", "--", "\u2013force"});
    CHECK(seen()->words == Words{"\u2013force"});
}

TEST_CASE("help and version win over whatever else is wrong with the line") {
    CHECK_NOTHROW(parse_command_line({"org", "create", "--nmae", "x", "--help"}, table(), environment({})));
    CHECK_NOTHROW(parse_command_line({"--help", "org", "create"}, table(), environment({})));
    CHECK_NOTHROW(parse_command_line({"key", "wait", "-h"}, table(), environment({})));
    CHECK_NOTHROW(parse_command_line({"key", "wait", "-V"}, table(), environment({})));
}

TEST_CASE("JSON is recognized on a line that does not parse") {
    CHECK(asks_for_json({"x", "-o", "json"}, nullptr));
    CHECK(asks_for_json({"-ojsonl"}, nullptr));
    CHECK(asks_for_json({"-o=json"}, nullptr));
    CHECK(asks_for_json({"--output=jsonl"}, nullptr));
    CHECK(asks_for_json({"--json"}, nullptr));
    CHECK(asks_for_json({}, "json"));
    CHECK_FALSE(asks_for_json({"-o", "table"}, "json"));
    CHECK_FALSE(asks_for_json({"--", "--json"}, nullptr));
    CHECK_FALSE(asks_for_json({"-o"}, nullptr));
}
