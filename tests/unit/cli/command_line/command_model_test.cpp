#include "cli/command_line/command_model.hpp"
#include "tests/unit/cli/command_line_fixture.hpp"

#include <doctest/doctest.h>

using namespace relay::cli;
using namespace relay::cli::test;

namespace {

OptionModel option_of(ProgramModel const &program, Path const &path, std::string const &name) {
    for (OptionModel const &option : program.find(path)->options) {
        if (option.canonical_name() == name) {
            return option;
        }
    }
    return {};
}

}  // namespace

TEST_CASE("the model holds commands with their options, groups, aliases and global flags") {
    ProgramModel const program = describe_program(table());
    CommandModel const *create = program.find({"org", "create"});
    REQUIRE(create != nullptr);
    CHECK(create->summary == "create an organization");
    CHECK_FALSE(create->is_group);
    CHECK(program.find({"agent", "rotate-key"}) == program.find({"rotate-key"}));
    CHECK(program.find({"rotate"}) == nullptr);
    CHECK(program.below({"agent"}) == std::vector<Path>{{"agent", "rotate-key"}});

    OptionModel const name = option_of(program, {"org", "create"}, "--name");
    CHECK(name.required);
    CHECK(name.value == "NAME");
    CHECK(name.full_description() == "name (required)");
    CHECK(option_of(program, {"org", "create"}, "ORG").is_argument());
    CHECK(option_of(program, {"org", "create"}, "--plan").choices == std::vector<std::string>{"free", "paid"});

    auto const output = std::find_if(program.globals.begin(), program.globals.end(),
                                     [](OptionModel const &option) { return option.canonical_name() == "--output"; });
    REQUIRE(output != program.globals.end());
    CHECK(output->names == std::vector<std::string>{"-o", "--output"});
    CHECK(output->choices.size() == 6);
}

TEST_CASE("words in capitals are placeholders, not choices") {
    ProgramModel const program = describe_program(command_table());
    OptionModel const until = option_of(program, {"block"}, "--until");
    CHECK(until.value == "TIME|DURATION");
    CHECK(until.choices.empty());
}
