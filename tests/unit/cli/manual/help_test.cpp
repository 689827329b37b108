#include "cli/manual/help.hpp"
#include "cli/manual/manual_text.hpp"
#include "cli/manual/overview.hpp"
#include "cli/output/text_width.hpp"
#include "tests/unit/cli/command_line_fixture.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::test;

namespace {

bool holds(std::string const &text, std::string const &part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("the help of a command has usage, summary, text, arguments, flags, globals and examples") {
    std::string const page = help_for(table(), {"org", "create"});
    CHECK(page.starts_with(
        "Usage: relay-admin org create [ORG] --name NAME [FLAGS]\n\ncreate an organization\n\nCreates one.\n"));
    CHECK(holds(page, "\nArguments:\n  ORG"));
    CHECK(holds(page, "  --name NAME       name (required)\n"));
    CHECK(holds(page, "--plan free|paid"));
    CHECK(holds(page, "-n,--dry-run"));
    CHECK(page.ends_with("\nExamples:\n  # the usual\n  relay-admin org create --name Acme\n"));
}

TEST_CASE("an alias has the same help, and each page names the other spelling") {
    CHECK(holds(help_for(table(), {"rotate-key"}), "Same as: relay-admin agent rotate-key\n"));
    CHECK(holds(help_for(table(), {"agent", "rotate-key"}), "Same as: relay-admin rotate-key\n"));
}

TEST_CASE("a group lists its commands, the program its groups and global flags") {
    CHECK(holds(help_for(table(), {"org"}), "  org create  create an organization\n"));
    CHECK(holds(help_for(table(), {"agent"}), "  agent rotate-key  give a new key\n"));
    std::string const page = help_for(table(), {});
    CHECK(holds(page, "\norgs      org             organizations\n"));
    CHECK(holds(page, "-o, --output table|json|jsonl|csv|id|env"));
    CHECK_THROWS_WITH_AS(help_for(table(), {"agnet"}), "unknown command 'agnet'", Error);
    CHECK_THROWS_WITH_AS(help_for(table(), {"org", "create", "x"}), "unknown command 'org create x'", Error);
}

TEST_CASE("the front page has every first word of the table once, by its audience and rank") {
    std::vector<std::string> shown;
    for (AudienceGroup const &group : audience_groups(command_table())) {
        shown.insert(shown.end(), group.words.begin(), group.words.end());
    }
    std::sort(shown.begin(), shown.end());
    std::vector<std::string> words = next_words(command_table(), {});
    std::sort(words.begin(), words.end());
    CHECK(shown == words);
    CHECK(audience_groups(command_table()).front().words == Words{"init", "schema", "sandbox", "doctor"});
}

TEST_CASE("every group, and every command outside a group, has an audience") {
    for (Command const *command : command_table()) {
        CAPTURE(command->path);
        bool const is_member = split_path(command->path).size() > 1;
        CHECK((command->audience == Audience::of_group) == is_member);
        CHECK((!is_member || find_command(command_table(), {split_path(command->path).front()}) != nullptr));
    }
}

TEST_CASE("help pages of the real commands fit into 80 columns, and the overview on a screen") {
    std::string overview = overview_text(command_table());
    CHECK(std::count(overview.begin(), overview.end(), '\n') <= 23);  // and the shell's next prompt
    for (Command const *command : command_table()) {
        std::string page = help_for(command_table(), split_path(command->path));
        for (std::size_t end = 0; !page.empty(); page.erase(0, end + 1)) {
            end = page.find('\n');
            std::string const line = page.substr(0, end);
            CAPTURE(line);
            bool const example =
                line.starts_with("  relay-admin") || line.starts_with("  #") || line.starts_with("      ");
            CHECK((example || display_width(line) <= 80));
        }
    }
}

TEST_CASE("manual text is paragraphs, lines kept as they are, and examples with comments") {
    ManualText const manual = split_manual_text(
        "One\ntwo.\n\nThree:\n  kept as is\n  too\n\nEXAMPLES\n  # why\n  relay-admin a\n  relay-admin b \\\n      "
        "--c\n");
    REQUIRE(manual.blocks.size() == 3);
    CHECK(manual.blocks[0].text == "One two.");
    CHECK(manual.blocks[2].text == "  kept as is\n  too\n");
    CHECK(manual.blocks[2].verbatim);
    REQUIRE(manual.examples.size() == 2);
    CHECK(manual.examples[0].comment == "why");
    CHECK(manual.examples[0].command == "relay-admin a");
    CHECK(manual.examples[1].comment.empty());
    CHECK(manual.examples[1].command == "relay-admin b \\\n    --c");
}

TEST_CASE("a long line of two columns continues under the second") {
    static Command const wide{
        .path = "wide",
        .summary = "s",
        .doc =
            "States:\n  ahead     a newer program has migrated the database, so this one must refuse to work on it\n",
        .declare = declare_wait};
    Command const *const only[] = {&wide};
    CHECK(holds(help_for(only, {"wide"}),
                "\n  ahead     a newer program has migrated the database, so this one must refuse\n            to work "
                "on it\n"));
}

TEST_CASE("a paragraph of exit codes is a table in the help, whether or not each sentence says Exit") {
    ManualText const manual = split_manual_text(
        "Does it.\n\nExit 0: done. Again, too. 3: no such agent;\nnothing changed. Exit 10: no.\n\nMore.\n\nEXAMPLES\n "
        " "
        "relay-admin a\n");
    REQUIRE(manual.blocks.size() == 2);
    CHECK(manual.blocks[1].text == "More.");
    REQUIRE(manual.exits.size() == 3);
    CHECK(manual.exits[0].meaning == "done. Again, too");
    CHECK(manual.exits[1].code == "3");
    CHECK(manual.exits[1].meaning == "no such agent; nothing changed");
    CHECK(manual.exits[2].code == "10");
    CHECK(manual.exits[2].meaning == "no");
}
