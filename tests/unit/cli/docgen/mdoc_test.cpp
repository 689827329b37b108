#include "cli/docgen/mdoc.hpp"

#include <doctest/doctest.h>

using namespace relay::cli::docgen;

TEST_CASE("what could be read as mdoc is escaped, and what is copied into a shell stays what it is") {
    CHECK(escape("a\\b") == "a\\eb");
    CHECK(escape("--org 'a' \"b\" `c` ~/x ^") == "\\-\\-org \\(aqa\\(aq \\(dqb\\(dq \\(gac\\(ga \\(ti/x \\(ha");
    CHECK(argument("P,...") == "P,...");
    CHECK(argument("GLOBAL FLAGS") == "\"GLOBAL FLAGS\"");
    CHECK(flag("--dry-run") == "\\-dry\\-run");
    CHECK(flag("-n") == "n");
}

TEST_CASE("prose has one sentence per line, and macros for flags and commands with the punctuation around them") {
    CHECK(prose("One. Two (--grace), three?") == "One.\nTwo\n.Fl ( \\-grace ) ,\nthree?\n");
    CHECK(prose("see `schema apply`.") == "see\n.Ic schema apply .\n");
    CHECK(prose("-n or --force") == ".Fl n\nor\n.Fl \\-force\n");
    CHECK(prose("--flag=VALUE and -- and - alone") == "\\-\\-flag=VALUE and \\-\\- and \\- alone\n");
    CHECK(prose("the rest... goes on") == "the rest... goes on\n");
}

TEST_CASE("a line of prose never begins with a request") {
    CHECK(prose(".TH is a word") == "\\&.TH is a word\n");
    CHECK(prose("'tis") == "\\(aqtis\n");
}

TEST_CASE("long prose is broken between words") {
    std::string const text = prose(std::string(60, 'a') + ' ' + std::string(60, 'b'));
    CHECK(text == std::string(60, 'a') + '\n' + std::string(60, 'b') + '\n');
}

TEST_CASE("kept lines stay as they are") {
    CHECK(verbatim("  a  b\n.c\n") == ".Bd -literal -offset indent\n  a  b\n\\&.c\n.Ed\n");
    CHECK(section("FILES", "").empty());
    CHECK(section("FILES", "x\n") == ".Sh FILES\nx\n");
}
