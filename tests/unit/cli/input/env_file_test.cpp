#include "cli/input/env_text.hpp"

#include <doctest/doctest.h>
#include <string>

using relay::RelaySettings;
using relay::cli::scan_env_text;
using Switch = RelaySettings::Switch;

namespace {

Switch fallback(std::string const &text) { return scan_env_text(text, "relay.env").fallback; }

}  // namespace

TEST_SUITE("env_file") {
    TEST_CASE("a switch is on, off, unclear or absent") {
        for (char const *value :
             {"true", "True", "1", "YES", "on", "'true'", "\"true\"", " true ", "true\r", "true\t# why"}) {
            CHECK_MESSAGE(fallback(std::string("ALLOW_LEGACY_GLOBAL_AGENT_SECRET=") + value) == Switch::on, value);
        }
        for (char const *value : {"false", "0", "No", "OFF", "'false'"}) {
            CHECK_MESSAGE(fallback(std::string("ALLOW_LEGACY_GLOBAL_AGENT_SECRET=") + value) == Switch::off, value);
        }
        for (char const *value : {"tru", "true false", "2", "'true", "trueish", "$FLAG", "true\\"}) {
            CHECK_MESSAGE(fallback(std::string("ALLOW_LEGACY_GLOBAL_AGENT_SECRET=") + value) == Switch::unclear, value);
        }
        for (char const *text :
             {"", "ALLOW_LEGACY_GLOBAL_AGENT_SECRET=", "ALLOW_LEGACY_GLOBAL_AGENT_SECRET=''", "ALLOW=true",
              "#ALLOW_LEGACY_GLOBAL_AGENT_SECRET=true", "ALLOW_LEGACY_GLOBAL_AGENT_SECRET =true"}) {
            CHECK_MESSAGE(fallback(text) == Switch::absent, text);
        }
    }

    TEST_CASE("a value over several lines hides assignments inside it") {
        std::string const hidden = "ALLOW_LEGACY_GLOBAL_AGENT_SECRET=true\n";
        CHECK(fallback("PEM='one\n" + hidden + "'\n") == Switch::absent);
        CHECK(fallback("A=\"say \\\"\n" + hidden + "\"\n") == Switch::absent);
        CHECK(fallback("A=b\\\n" + hidden) == Switch::absent);
        CHECK(fallback("A=it's\n" + hidden) == Switch::on);
        CHECK(fallback("A='never closed\n" + hidden) == Switch::on);
    }

    TEST_CASE("lines that are not assignments are counted, by the line at which they begin") {
        RelaySettings const found =
            scan_env_text("A=b\n\n# c\nset -a\nB='x\ny'\nexport C=d\nif true; then\n", "relay.env");
        CHECK(found.settings == 3);
        CHECK(found.unread_lines == 2);
        CHECK(found.first_unread_line == 4);
        CHECK(found.name == "relay.env");
        CHECK_FALSE(found.mode);
    }

    TEST_CASE("the secret is there or not, and the last assignment counts") {
        CHECK(scan_env_text("AGENT_SECRET=x", "").has_secret);
        CHECK(scan_env_text("export AGENT_SECRET='x y'", "").has_secret);
        CHECK_FALSE(scan_env_text("AGENT_SECRET=", "").has_secret);
        CHECK_FALSE(scan_env_text("AGENT_SECRET=x\nAGENT_SECRET=\n", "").has_secret);
        CHECK_FALSE(scan_env_text("MY_AGENT_SECRET=x\nAGENT_SECRET_FILE=/run/x\n", "").has_secret);
    }

    TEST_CASE("any bytes are read to their end") {
        for (std::string const &text :
             {std::string("\0=\0\n\xff\xfe='", 7), std::string("A=\""), std::string("A=\"\\"), std::string("A='\n"),
              std::string("="), std::string("export"), std::string("export "), std::string("A=\\"),
              std::string("\xEF\xBB\xBF"), std::string("A='b'c'\n'")}) {
            CHECK_NOTHROW(scan_env_text(text, ""));
        }
    }
}
