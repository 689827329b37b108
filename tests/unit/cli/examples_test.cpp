#include "cli/manual/manual_text.hpp"
#include "tests/unit/cli/command_line_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::test;

namespace {

/// The words of a simple shell command, up to a pipe or a redirection; quotes and `\\` at a line's end are understood.
Words shell_words(std::string const &command) {
    static std::set<std::string> const ends{"|", "<", ">", "2>", "&&", "||", ";"};
    Words words;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (char const letter : command + ' ') {
        if (quote != 0 || letter == '\'' || letter == '"') {
            in_word = true;
            if (quote == 0) {
                quote = letter;
            } else if (letter == quote) {
                quote = 0;
            } else {
                word += letter;
            }
        } else if (letter != ' ' && letter != '\n') {
            in_word = true;
            word += letter;
        } else if (in_word) {
            if (ends.contains(word)) {
                return words;
            }
            if (word != "\\") {
                words.push_back(word);
            }
            word.clear();
            in_word = false;
        }
    }
    return words;
}

}  // namespace

TEST_CASE("every example in the commands' texts parses") {
    for (Command const *command : command_table()) {
        ManualText const manual = split_manual_text(command->doc);
        CHECK((command->declare == nullptr || !manual.examples.empty()));
        for (ManualText::Example const &example : manual.examples) {
            CAPTURE(example.command);
            Words words = shell_words(example.command);
            auto const program = std::find(words.begin(), words.end(), "relay-admin");
            if (program == words.end()) {
                continue;  // text around a command: `gh api ...`
            }
            words.erase(words.begin(), program + 1);
            CHECK_NOTHROW(parse_command_line(words, command_table(), environment({})));
        }
    }
}

TEST_CASE("commands have a short summary without a full stop") {
    for (Command const *command : command_table()) {
        CAPTURE(std::string(command->path));
        CHECK_FALSE(command->summary.empty());
        CHECK(command->summary.size() <= 60);
        CHECK_FALSE(command->summary.ends_with('.'));
    }
}
