#include "cli/output/color.hpp"
#include "cli/output/pager.hpp"
#include "cli/output/screen.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace relay::cli;

namespace {

using Variables = std::map<std::string, char const *>;

Environment environment(Variables variables) {
    return [variables = std::move(variables)](char const *name) {
        auto const found = variables.find(name);
        return found == variables.end() ? nullptr : found->second;
    };
}

bool colored(Variables const &variables, bool terminal = true, ColorChoice choice = ColorChoice::automatic) {
    return wants_color(choice, terminal, environment(variables));
}

}  // namespace

TEST_CASE("color: --color, then NO_COLOR, then CLICOLOR_FORCE, then the terminal") {
    CHECK(colored({{"TERM", "xterm"}}));
    CHECK_FALSE(colored({{"TERM", "xterm"}}, false));
    CHECK_FALSE(colored({{"TERM", "dumb"}}));
    CHECK_FALSE(colored({}));
    CHECK_FALSE(colored({{"TERM", "xterm"}, {"NO_COLOR", "1"}}));
    CHECK(colored({{"TERM", "xterm"}, {"NO_COLOR", ""}}));
    CHECK(colored({{"CLICOLOR_FORCE", "1"}}, false));
    CHECK(colored({{"CLICOLOR_FORCE", "1"}, {"TERM", "dumb"}}));
    CHECK_FALSE(colored({{"CLICOLOR_FORCE", "0"}}, false));
    CHECK_FALSE(colored({{"CLICOLOR_FORCE", "1"}, {"NO_COLOR", "1"}}));
    CHECK(colored({{"NO_COLOR", "1"}, {"TERM", "dumb"}}, false, ColorChoice::always));
    CHECK_FALSE(colored({{"CLICOLOR_FORCE", "1"}, {"TERM", "xterm"}}, true, ColorChoice::never));
}

TEST_CASE("the pager is RELAY_ADMIN_PAGER, PAGER, less; none if it is empty, cat, or the terminal is dumb") {
    CHECK(pager_command(environment({{"TERM", "xterm"}})) == "less");
    CHECK(pager_command(environment({{"TERM", "xterm"}, {"PAGER", "more"}})) == "more");
    CHECK(pager_command(environment({{"TERM", "xterm"}, {"PAGER", "more"}, {"RELAY_ADMIN_PAGER", "less -S"}})) ==
          "less -S");
    CHECK_FALSE(pager_command(environment({{"TERM", "xterm"}, {"PAGER", "more"}, {"RELAY_ADMIN_PAGER", ""}})));
    CHECK_FALSE(pager_command(environment({{"TERM", "xterm"}, {"PAGER", "cat"}})));
    CHECK_FALSE(pager_command(environment({{"TERM", "xterm"}, {"PAGER", "  "}})));
    CHECK_FALSE(pager_command(environment({{"TERM", "dumb"}})));
    CHECK_FALSE(pager_command(environment({})));
}

TEST_CASE("text is taller than the screen if it leaves no line for a prompt") {
    Screen const screen{.columns = 10, .lines = 4};
    CHECK_FALSE(is_taller("", screen));
    CHECK_FALSE(is_taller("1\n2\n3\n", screen));
    CHECK(is_taller("1\n2\n3\n4\n", screen));
    CHECK(is_taller("1\n\n\n\n", screen));
    CHECK_FALSE(is_taller("1\n1234567890\n3\n", screen));
    CHECK(is_taller("1\n12345678901\n3\n", screen));  // the terminal wraps it
    CHECK(is_taller("1\n日本日本日本\n3\n", screen));
}
