#include "cli/help.hpp"

#include "cli/flag_lookup.hpp"
#include "cli/manual_text.hpp"
#include "cli/text_width.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::size_t width = 80;
constexpr std::size_t flag_column = 28;

struct Entry {
    std::string name;
    std::string text;
};

/// Names on the left, wrapped texts on the right; a name too long for its column stands on a line of its own.
std::string two_columns(std::vector<Entry> const &entries, std::size_t column) {
    std::string page;
    for (Entry const &entry : entries) {
        std::string const left = "  " + entry.name;
        std::string right = wrap_words(entry.text, width, column);
        if (display_width(left) + 2 <= column && !right.empty()) {
            right.erase(0, column);
            page += pad_right(left, column) + right;
        } else {
            page += left + '\n' + right;
        }
    }
    return page;
}

std::size_t column_for(std::vector<Entry> const &entries) {
    std::size_t widest = 0;
    for (Entry const &entry : entries) {
        widest = std::max(widest, display_width(entry.name));
    }
    return std::min(widest + 4, flag_column);
}

std::string names_and_type(CLI::Option const &option) {
    if (is_positional(option)) {
        return positional_name(option) + (takes_many(option) ? "..." : "");
    }
    std::string names;
    for (std::string const &name : option.get_snames()) {
        names += (names.empty() ? "-" : ", -") + name;
    }
    for (std::string const &name : option.get_lnames()) {
        names += (names.empty() ? "--" : ", --") + name;
    }
    return takes_value(option) ? names + ' ' + option.get_type_name() : names;
}

std::string description(CLI::Option const &option) {
    std::string text = option.get_description();
    if (option.get_required() && !is_positional(option)) {
        text += " (required)";
    }
    return takes_many(option) && !is_positional(option) ? text + " (may be repeated)" : text;
}

/// The options of `app` under their headings, in order of first appearance.
std::string option_sections(CLI::App const &app) {
    std::vector<std::string> headings;
    for (CLI::Option const *option : app.get_options()) {
        if (std::find(headings.begin(), headings.end(), option->get_group()) == headings.end()) {
            headings.push_back(option->get_group());
        }
    }
    std::string page;
    for (std::string const &heading : headings) {
        std::vector<Entry> entries;
        for (CLI::Option const *option : app.get_options()) {
            if (option->get_group() == heading && !heading.empty()) {
                entries.push_back({names_and_type(*option), description(*option)});
            }
        }
        page += entries.empty() ? "" : '\n' + heading + ":\n" + two_columns(entries, column_for(entries));
    }
    return page;
}

/// `[ORG] --name NAME [FLAGS]`
std::string usage_tail(CLI::App const &leaf) {
    std::string required;
    std::string words;
    bool more_flags = false;
    for (CLI::Option const *option : leaf.get_options()) {
        std::string const dots = takes_many(*option) ? "..." : "";
        if (is_positional(*option)) {
            std::string const name = positional_name(*option) + dots;
            words += option->get_required() ? ' ' + name : " [" + name + ']';
        } else if (option->get_required()) {
            required += ' ' + canonical_name(*option) + ' ' + option->get_type_name();
        } else {
            more_flags = true;
        }
    }
    return words + required + (more_flags ? " [FLAGS]" : "");
}

std::string globals_in_short(CLI::App const &root) {
    // A flag and its value must not be parted: the blank between them comes back after wrapping.
    constexpr char glue = '\1';
    std::string words;
    for (CLI::Option const *option : root.get_options()) {
        words += option->get_snames().empty() ? "" : '-' + option->get_snames().front() + ',';
        words += canonical_name(*option);
        if (takes_value(*option)) {
            std::string const type = option->get_type_name();
            words += glue + (type.find('|') == type.npos ? type : "WORD");
        }
        words += ' ';
    }
    std::string lines = wrap_words(words, width, 2);
    std::replace(lines.begin(), lines.end(), glue, ' ');
    return "\nGlobal flags (relay-admin --help tells more):\n" + lines;
}

/// Indented lines stay as they are; one that is too long goes on under its second column (`  word      what it means`).
std::string verbatim_lines(std::string_view text) {
    std::string lines;
    while (!text.empty()) {
        std::string_view const line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (display_width(line) <= width) {
            lines += std::string(line) + '\n';
            continue;
        }
        std::size_t const word = line.find_first_not_of(' ');
        std::size_t const gap = line.find("  ", word);
        std::size_t const column = gap == line.npos ? word : line.find_first_not_of(' ', gap);
        std::string rest = wrap_words(line.substr(column), width, column);
        lines += std::string(line.substr(0, column)) + rest.erase(0, column);
    }
    return lines;
}

std::string description_blocks(ManualText const &manual) {
    std::string page;
    for (ManualText::Block const &block : manual.blocks) {
        page += '\n' + (block.verbatim ? verbatim_lines(block.text) : wrap_words(block.text, width, 0));
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

/// Who needs what. A command that is in no row stands under "Other".
struct Audience {
    std::string_view heading;
    std::vector<std::string_view> words;
};
std::vector<Audience> const &audiences() {
    static std::vector<Audience> const rows{
        {"Set up and run", {"init", "sandbox", "schema", "doctor", "org", "agent", "key"}},
        {"Rotate and check, from CI", {"rotate-key", "recover", "metrics"}},
        {"Incidents", {"block", "unblock", "revoke", "restore", "whois", "audit"}},
        {"Leave the shared secret", {"migrate-legacy"}},
    };
    return rows;
}

std::string summary_of(std::span<Command const *const> table, Path const &path) {
    Command const *command = find_command(table, path);
    return command == nullptr ? "" : std::string(command->summary);
}

std::vector<std::string> take_known(std::vector<std::string> &left, std::vector<std::string_view> const &wanted) {
    std::vector<std::string> taken;
    for (std::string_view const word : wanted) {
        auto const at = std::find(left.begin(), left.end(), word);
        if (at != left.end()) {
            taken.push_back(*at);
            left.erase(at);
        }
    }
    return taken;
}

std::string command_rows(std::span<Command const *const> table, std::vector<std::string> const &words) {
    std::vector<Entry> entries;
    for (std::string const &word : words) {
        entries.push_back({word, summary_of(table, {word})});
    }
    return two_columns(entries, 18);
}

}  // namespace

std::string overview_text(std::span<Command const *const> table) {
    std::string page = "Usage: relay-admin [GLOBAL FLAGS] COMMAND [ARGS]\n";
    std::vector<std::string> left = next_words(table, {});
    for (Audience const &audience : audiences()) {
        std::vector<std::string> const words = take_known(left, audience.words);
        page += words.empty() ? "" : std::string(audience.heading) + ":\n" + command_rows(table, words);
    }
    page += left.empty() ? "" : "Other:\n" + command_rows(table, left);
    return page + "Try it: relay-admin --sandbox init    More: relay-admin help COMMAND, or --help\n";
}

std::string root_help_text(CLI::App const &root, std::span<Command const *const> table) {
    return overview_text(table) + "\nGlobal flags stand anywhere on the line, as --flag VALUE or --flag=VALUE.\n" +
           option_sections(root);
}

std::string group_help_text(std::span<Command const *const> table, Path const &path) {
    std::string const name = join_path(path);
    std::string page = "Usage: relay-admin " + name + " COMMAND [ARGS]\n";
    std::string const summary = summary_of(table, path);
    page += summary.empty() ? "" : '\n' + summary + '\n';
    Command const *command = find_command(table, path);
    page += command == nullptr ? "" : description_blocks(split_manual_text(command->doc));
    std::vector<Entry> entries;
    for (std::string const &word : next_words(table, path)) {
        Path child = path;
        child.push_back(word);
        entries.push_back({name + ' ' + word, summary_of(table, child)});
    }
    return page + "\nCommands:\n" + two_columns(entries, column_for(entries));
}

std::string command_help_text(CLI::App const &root, CLI::App const &leaf, Command const &command, Path const &path) {
    ManualText const manual = split_manual_text(command.doc);
    std::string page = wrap_words("Usage: relay-admin " + join_path(path) + usage_tail(leaf), width, 0);
    page += '\n' + std::string(command.summary) + '\n';
    if (!command.alias.empty()) {
        std::string_view const other = command.alias == join_path(path) ? command.path : command.alias;
        page += "Also spelled: relay-admin " + std::string(other) + '\n';
    }
    return page + description_blocks(manual) + option_sections(leaf) + globals_in_short(root) + example_lines(manual);
}

}  // namespace relay::cli
