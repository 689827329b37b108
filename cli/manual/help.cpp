#include "cli/manual/help.hpp"

#include "cli/manual/exit_table.hpp"
#include "cli/manual/help_layout.hpp"
#include "cli/manual/overview.hpp"
#include "cli/manual/program_manual.hpp"
#include "cli/output/text_width.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

std::string names_and_value(OptionModel const &option) {
    std::string names;
    for (std::string const &name : option.names) {
        names += (names.empty() ? "" : ", ") + name;
    }
    names += (names.empty() || option.value.empty() ? "" : " ") + option.value;
    return option.is_argument() && option.repeatable ? names + "..." : names;
}

/// Returns the options under their headings, in order of first appearance, but arguments first, as in the usage line.
std::string option_sections(std::vector<OptionModel> const &options) {
    std::vector<std::string> headings;
    for (OptionModel const &option : options) {
        if (std::find(headings.begin(), headings.end(), option.heading) == headings.end()) {
            headings.push_back(option.heading);
        }
    }
    std::stable_partition(headings.begin(), headings.end(), [&](std::string const &heading) {
        return std::any_of(options.begin(), options.end(), [&](OptionModel const &option) {
            return option.is_argument() && option.heading == heading;
        });
    });
    std::string page;
    for (std::string const &heading : headings) {
        std::vector<HelpEntry> entries;
        for (OptionModel const &option : options) {
            if (option.heading == heading) {
                entries.push_back({names_and_value(option), option.full_description()});
            }
        }
        page += '\n' + heading + ":\n" + two_columns(entries, column_for(entries));
    }
    return page;
}

/// `[ORG] --name NAME [FLAGS]`
std::string usage_tail(std::vector<OptionModel> const &options) {
    std::string required;
    std::string words;
    bool more_flags = false;
    for (OptionModel const &option : options) {
        if (option.is_argument()) {
            std::string const name = names_and_value(option);
            words += option.required ? ' ' + name : " [" + name + ']';
        } else if (option.required) {
            required += ' ' + option.canonical_name() + ' ' + option.value;
        } else {
            more_flags = true;
        }
    }
    return words + required + (more_flags ? " [FLAGS]" : "");
}

std::string globals_in_short(std::vector<OptionModel> const &globals) {
    // Keeps a flag and its value on one line: the blank between them is put back after wrapping.
    constexpr char glue = '\1';
    std::string words;
    for (OptionModel const &option : globals) {
        for (std::string const &name : option.names) {
            words += name + (&name == &option.names.back() ? "" : ",");
        }
        if (option.takes_value()) {
            words += glue + (option.choices.empty() ? option.value : "WORD");
        }
        words += ' ';
    }
    std::string lines = wrap_words(words, help_width(), 2);
    std::replace(lines.begin(), lines.end(), glue, ' ');
    return "\nGlobal flags (see relay-admin --help):\n" + lines;
}

/// Keeps indented lines as they are, but wraps one that is too long under its second column (`  word      what it
/// means`).
std::string verbatim_lines(std::string_view text) {
    std::string lines;
    while (!text.empty()) {
        std::string_view const line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (display_width(line) <= help_width()) {
            lines += std::string(line) + '\n';
            continue;
        }
        std::size_t const word = line.find_first_not_of(' ');
        std::size_t const gap = line.find("  ", word);
        std::size_t const column = gap == line.npos ? word : line.find_first_not_of(' ', gap);
        std::string rest = wrap_words(line.substr(column), help_width(), column);
        lines += std::string(line.substr(0, column)) + rest.erase(0, column);
    }
    return lines;
}

std::string description_blocks(ManualText const &manual) {
    std::string page;
    for (ManualText::Block const &block : manual.blocks) {
        page += '\n' + (block.verbatim ? verbatim_lines(block.text) : wrap_words(block.text, help_width(), 0));
    }
    return page;
}

std::string example_lines(ManualText const &manual) {
    std::string page = manual.examples.empty() ? "" : "\nExamples:\n";
    for (ManualText::Example const &example : manual.examples) {
        page += example.comment.empty() ? "" : "  # " + example.comment + '\n';
        page += "  " + example.command + '\n';
    }
    return page;
}

std::string exit_lines(ManualText const &manual) {
    std::vector<HelpEntry> entries;
    for (ManualText::Exit const &exit : manual.exits) {
        entries.push_back({exit.code, exit.meaning});
    }
    return entries.empty() ? "" : "\nExit codes:\n" + two_columns(entries, column_for(entries));
}

std::string named_lines(std::string_view heading, std::span<ManualEntry const> rows) {
    std::vector<HelpEntry> entries;
    for (ManualEntry const &row : rows) {
        entries.push_back({std::string(row.name), std::string(row.text)});
    }
    return '\n' + std::string(heading) + ":\n" + two_columns(entries, column_for(entries));
}

std::string exit_table_lines() {
    std::vector<HelpEntry> entries;
    for (ExitCode const &row : exit_table()) {
        entries.push_back({pad_left(std::to_string(row.code), 3) + "  " + row.name, row.meaning});
    }
    return "\nExit codes:\n" + two_columns(entries, column_for(entries));
}

std::string summary_of(std::span<Command const *const> table, Path const &path) {
    Command const *command = find_command(table, path);
    return command == nullptr ? "" : std::string(command->summary);
}

}  // namespace

std::string root_help_text(std::vector<OptionModel> const &globals, std::span<Command const *const> table) {
    return overview_text(table) + "\nGlobal flags may appear anywhere, as --flag VALUE or --flag=VALUE.\n" +
           option_sections(globals) + exit_table_lines() + named_lines("Environment", environment_variables()) +
           named_lines("Files", program_files());
}

std::string group_help_text(std::span<Command const *const> table, Path const &path) {
    std::string const name = join_path(path);
    std::string page = "Usage: relay-admin " + name + " COMMAND [ARGS]\n";
    std::string const summary = summary_of(table, path);
    page += summary.empty() ? "" : '\n' + wrap_words(summary, help_width(), 0);
    Command const *command = find_command(table, path);
    page += command == nullptr ? "" : description_blocks(split_manual_text(command->doc));
    std::vector<HelpEntry> entries;
    for (std::string const &word : next_words(table, path)) {
        Path child = path;
        child.push_back(word);
        entries.push_back({name + ' ' + word, summary_of(table, child)});
    }
    return page + "\nCommands:\n" + two_columns(entries, column_for(entries));
}

std::string command_help_text(std::vector<OptionModel> const &globals, CommandModel const &command, Path const &path) {
    std::string page =
        wrap_words("Usage: relay-admin " + join_path(path) + usage_tail(command.options), help_width(), 0);
    page += '\n' + wrap_words(command.summary, help_width(), 0);
    if (!command.alias.empty()) {
        page += wrap_words("Same as: relay-admin " + join_path(command.alias == path ? command.path : command.alias),
                           help_width(), 0);
    }
    return page + description_blocks(command.manual) + option_sections(command.options) + globals_in_short(globals) +
           exit_lines(command.manual) + example_lines(command.manual);
}

}  // namespace relay::cli
