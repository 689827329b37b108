#include "cli/docgen/man_command.hpp"

#include "cli/docgen/man_parts.hpp"
#include "cli/docgen/mdoc.hpp"
#include "cli/manual/manual_page.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace relay::cli::docgen {

namespace {

constexpr std::size_t widest_choice = 20;

/// Returns `.Op Fl \-plan Ar free | paid`, with only the first long name.
std::string usage_line(OptionModel option) {
    if (!option.is_argument()) {
        option.names = {option.canonical_name()};
    }
    if (option.value.size() > widest_choice && !option.choices.empty()) {
        // OPTIONS lists the words. groff does not break a line inside of one, and a long command name leaves little
        // room.
        std::string const &name = option.names.front();
        option.value = in_capitals(name.substr(name.rfind('-') + 1));
        option.choices.clear();
    }
    std::string words = names_and_value(option);
    words += option.repeatable && !option.is_argument() && !words.ends_with("...") ? " ..." : "";
    return (option.required ? "." : ".Op ") + words + '\n';
}

std::string usage(CommandModel const &command) {
    std::string body = ".Nm \"relay\\-admin " + escape(join_path(command.path)) + "\"\n";
    if (command.is_group) {
        return section("SYNOPSIS", body + ".Ar COMMAND\n.Op Ar ARGUMENTS\n");
    }
    for (OptionModel const &option : command.options) {
        body += option.is_argument() ? usage_line(option) : "";
    }
    for (OptionModel const &option : command.options) {
        body += !option.is_argument() && option.required ? usage_line(option) : "";
    }
    for (OptionModel const &option : command.options) {
        body += !option.is_argument() && !option.required ? usage_line(option) : "";
    }
    return section("SYNOPSIS", body + ".Op Ar GLOBAL FLAGS\n");
}

std::string description(CommandModel const &command) {
    std::string body = paragraphs(command.manual.blocks);
    if (body.empty()) {
        body = "The commands that " + prose(command.summary + '.');
    }
    if (!command.alias.empty()) {
        body += ".Pp\nSame as\n.Ic relay\\-admin " + escape(join_path(command.alias)) + " .\n";
    }
    return section("DESCRIPTION", body);
}

std::string members(ProgramModel const &program, CommandModel const &group) {
    std::vector<ListItem> items;
    for (Path const &path : program.below(group.path)) {
        CommandModel const *command = program.find(path);
        items.push_back({"Ic " + escape(join_path(path)), prose(command->summary)});
    }
    return section("COMMANDS", tagged_list(items));
}

/// Returns the global flags in short, so that a reader of this page knows that they exist.
std::string globals_in_short(ProgramModel const &program) {
    std::string body =
        ".Ss Global flags\nGlobal flags may appear anywhere on the command line.\nSee\n.Xr relay\\-admin 1 .\n.Pp\n";
    for (OptionModel const &option : program.globals) {
        body += ".Op " + names_and_value(option, " | ") + '\n';
    }
    return body;
}

std::string options(ProgramModel const &program, CommandModel const &command) {
    return section("OPTIONS", option_lists(command.options) + globals_in_short(program));
}

std::string exit_status(ManualText const &manual) {
    std::vector<ListItem> items;
    for (ManualText::Exit const &exit : manual.exits) {
        items.push_back({escape(exit.code), prose(exit.meaning)});
    }
    std::string const body = items.empty() ? "0 on success, otherwise one of the codes in\n"
                                           : tagged_list(items, "3n") + ".Pp\nFor all codes, see\n";
    return section("EXIT STATUS", body + ".Xr relay\\-admin 1 .\n");
}

/// Returns the commands that the text has in back quotes: `schema apply`.
void add_mentioned(ProgramModel const &program, CommandModel const &command, std::vector<std::string> &pages) {
    for (ManualText::Block const &block : command.manual.blocks) {
        for (std::size_t at = block.text.find('`'); at != std::string::npos;) {
            std::size_t const end = block.text.find('`', at + 1);
            if (end == std::string::npos) {
                break;
            }
            CommandModel const *other = program.find(split_path(block.text.substr(at + 1, end - at - 1)));
            if (other != nullptr && other != &command) {
                pages.push_back(manual_page_name(other->path));
            }
            at = block.text.find('`', end + 1);
        }
    }
}

/// The commands of a daily rotation and of its bad days, which relay-admin-rotation(7) describes together.
constexpr std::array<std::string_view, 7> rotation_commands{"rotate-key", "key due", "key list", "key retire",
                                                            "key wait",   "metrics", "recover"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> guides_of_groups{
    {{"device", "relay-admin-devices(7)"},
     {"plan", "relay-admin-plans(7)"},
     {"policy", "relay-admin-plans(7)"},
     {"queue", "relay-admin-registry(7)"},
     {"registry", "relay-admin-registry(7)"},
     {"subscription", "relay-admin-plans(7)"},
     {"usage", "relay-admin-plans(7)"}}};

std::string see_also(ProgramModel const &program, CommandModel const &command) {
    std::vector<std::string> pages{manual_page_name({})};
    if (std::ranges::find(rotation_commands, join_path(command.path)) != rotation_commands.end()) {
        pages.push_back("relay-admin-rotation(7)");
    }
    for (auto const &[first_word, guide] : guides_of_groups) {
        if (command.path.front() == first_word) {
            pages.emplace_back(guide);
        }
    }
    add_mentioned(program, command, pages);
    Path const &group = command.is_group ? command.path : Path(command.path.begin(), command.path.end() - 1);
    if (!group.empty()) {
        for (Path const &path : program.below(group)) {
            CommandModel const *other = program.find(path);
            if (other != &command) {
                pages.push_back(manual_page_name(other->path));
            }
        }
    }
    return section("SEE ALSO", cross_references(std::move(pages)));
}

}  // namespace

std::string command_page(ProgramModel const &program, CommandModel const &command) {
    std::vector<std::string> names{manual_page_name(command.path)};
    if (!command.alias.empty()) {
        names.push_back(manual_page_name(command.alias));
    }
    std::string page = page_head(names, command.summary) + usage(command) + description(command);
    page += command.is_group ? members(program, command) : options(program, command) + exit_status(command.manual);
    return page + examples(command.manual.examples) + see_also(program, command);
}

}  // namespace relay::cli::docgen
