#include "cli/command_line/cli11_parser.hpp"

#include "cli/command_line/command_tree.hpp"
#include "relay/model/error.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace relay::cli {

namespace {

/// Replaces the name of the command for CLI11; the command's own flags follow it.
constexpr auto command_word = "command";

/// Returns "-o,--output" for a flag, and the name for an argument.
std::string names_for_cli11(OptionModel const &option) {
    std::string names;
    for (std::string const &name : option.names) {
        names += (names.empty() ? "" : ",") + name;
    }
    return option.is_argument() ? option.value : names;
}

/// Returns how many words an argument gets, because CLI11 must be given the number beforehand.
int words_for(OptionSet const &set, OptionModel const &argument, std::size_t words) {
    if (!argument.repeatable) {
        return 1;
    }
    auto const is_other = [&](OptionModel const &one) { return one.is_argument() && &one != &argument; };
    auto const others = std::count_if(set.options().begin(), set.options().end(), is_other);
    return std::max(1, static_cast<int>(words) - static_cast<int>(others));
}

void declare(CLI::App &app, OptionSet const &set, std::size_t words) {
    for (std::size_t index = 0; index < set.options().size(); ++index) {
        OptionModel const &option = set.options()[index];
        if (!option.takes_value()) {
            app.add_flag_callback(names_for_cli11(option), [&set, index] { set.take(index, ""); });
            continue;
        }
        // An Error that a target throws passes through CLI11's parse(), which catches nothing.
        auto const take_all = [&set, index](CLI::results_t const &values) {
            for (std::string const &value : values) {
                set.take(index, value);
            }
            return true;
        };
        CLI::Option *added = app.add_option(names_for_cli11(option), take_all)->required(option.required);
        if (option.is_argument()) {
            added->expected(words_for(set, option, words));
        } else if (option.repeatable) {
            added->expected(1, CLI::detail::expected_max_vector_size);
        }
        added->allow_extra_args(
            false);  // otherwise a flag takes the words after its value, and `[a,b]` loses its brackets
    }
}

/// CLI11 reads its words from the back.
std::vector<std::string> words_for_cli11(Line const &line) {
    std::vector<std::string> words = line.globals;
    words.emplace_back(command_word);
    words.insert(words.end(), line.flags.begin(), line.flags.end());
    words.emplace_back("--");
    words.insert(words.end(), line.positionals.begin(), line.positionals.end());
    std::reverse(words.begin(), words.end());
    return words;
}

}  // namespace

void bind_line(Line const &line, OptionSet const &globals, OptionSet const &command) {
    CLI::App root;
    root.set_help_flag();  // our --help is an ordinary flag
    declare(root, globals, 0);
    declare(*root.add_subcommand(command_word), command, line.positionals.size());
    try {
        root.parse(words_for_cli11(line));
    } catch (CLI::ParseError const &error) {
        // The pre-scan has already found what can be wrong. If CLI11 finds anything else, report it as our own error.
        throw Error(ErrorKind::usage, error.what(), {.next = help_of(line.path)});
    }
}

}  // namespace relay::cli
