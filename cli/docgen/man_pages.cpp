#include "cli/docgen/man_pages.hpp"

#include "cli/docgen/mdoc.hpp"

#include <algorithm>

namespace relay::cli::docgen {

namespace {

/// mdoc wants a date, and one that moved would change every page with every build: the day on which the command line's version 1 was agreed.
constexpr std::string_view manual_date = "November 22, 2026";

std::string page_name(Path const &path) {
    std::string name = "relay-admin";
    for (std::string const &word : path) {
        name += '-' + word;
    }
    return name;
}

std::string in_capitals(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char letter) {
        return 'a' <= letter && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    });
    return text;
}

std::string head(Path const &path, std::string_view summary) {
    std::string const name = page_name(path);
    return ".\\\" Made by relay-admin-docgen from the command table. Do not edit: change cli/commands and build "
           "update-docs.\n"
           ".Dd " +
           std::string(manual_date) + "\n.Dt " + in_capitals(name) + " 1\n.Os relay\\-admin\n" +
           section("NAME", ".Nm " + escape(name) + "\n.Nd " + escape(summary) + '\n');
}

std::string value_of(OptionModel const &option) {
    std::string text = ".Ar";
    if (option.choices.empty()) {
        return "Ar " + argument(option.value);
    }
    text = "Ar";
    for (std::string const &word : option.choices) {
        text += (text == "Ar" ? " " : " | ") + escape(word);
    }
    return text;
}

/// `.Op Fl \-plan Ar free | paid`
std::string synopsis_line(OptionModel const &option) {
    std::string words = option.is_argument() ? value_of(option) : "Fl " + flag(option.canonical_name());
    if (!option.is_argument() && option.takes_value()) {
        words += ' ' + value_of(option);
    }
    words += option.repeatable ? " ..." : "";
    return (option.required ? "." : ".Op ") + words + '\n';
}

std::string synopsis(CommandModel const &command) {
    std::string body = ".Nm \"relay\\-admin " + escape(join_path(command.path)) + "\"\n";
    if (command.is_group) {
        return section("SYNOPSIS", body + ".Ar COMMAND\n.Op Ar ARGUMENTS\n");
    }
    for (OptionModel const &option : command.options) {
        body += option.is_argument() ? synopsis_line(option) : "";
    }
    for (OptionModel const &option : command.options) {
        body += option.is_argument() ? "" : synopsis_line(option);
    }
    return section("SYNOPSIS", body + ".Op Ar GLOBAL FLAGS\n");
}

std::string blocks(ManualText const &manual) {
    std::string body;
    for (ManualText::Block const &block : manual.blocks) {
        body += body.empty() || block.verbatim ? "" : ".Pp\n";
        body += block.verbatim ? verbatim(block.text) : prose(block.text);
    }
    return body;
}

std::string description(CommandModel const &command) {
    std::string const body = blocks(command.manual);
    return section("DESCRIPTION", body.empty() ? prose(command.summary) : body);
}

std::string item(OptionModel const &option) {
    std::string line = ".It";
    if (option.is_argument()) {
        return line + " Ar " + argument(option.value) + (option.repeatable ? " ...\n" : "\n");
    }
    for (std::string const &name : option.names) {
        line += (line == ".It" ? " Fl " : " , Fl ") + flag(name);
    }
    return line + (option.takes_value() ? ' ' + value_of(option) : "") + '\n';
}

std::string options(CommandModel const &command) {
    std::string body;
    for (OptionModel const &option : command.options) {
        body += item(option) + prose(option.description);
    }
    return section("OPTIONS", body.empty() ? "" : ".Bl -tag -width Ds\n" + body + ".El\n");
}

std::string examples(ManualText const &manual) {
    std::string body;
    for (ManualText::Example const &example : manual.examples) {
        body += example.comment.empty() ? "" : (body.empty() ? "" : ".Pp\n") + prose(example.comment + ':');
        body += verbatim(example.command);
    }
    return section("EXAMPLES", body);
}

std::string command_page(CommandModel const &command) {
    return head(command.path, command.summary) + synopsis(command) + description(command) + options(command) +
           examples(command.manual);
}

}  // namespace

std::vector<GeneratedFile> man_pages(ProgramModel const &program) {
    std::vector<GeneratedFile> files;
    for (CommandModel const &command : program.commands) {
        files.push_back({page_name(command.path) + ".1", command_page(command)});
    }
    return files;
}

}  // namespace relay::cli::docgen
