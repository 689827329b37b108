#include "cli/command_line/command_model.hpp"

#include "cli/app.hpp"
#include "cli/command_line/flag_lookup.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace relay::cli {

namespace {

/// "table|json" are the words themselves; "FILE" and "TIME|DURATION" stand for something else.
std::vector<std::string> split_choices(std::string_view value) {
    std::vector<std::string> words;
    if (value.find('|') == value.npos || value.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != value.npos) {
        return words;
    }
    while (true) {
        std::size_t const bar = value.find('|');
        words.emplace_back(value.substr(0, bar));
        if (bar == value.npos) {
            return words;
        }
        value.remove_prefix(bar + 1);
    }
}

OptionModel describe_option(CLI::Option const &option) {
    OptionModel model{
        .description = option.get_description(),
        .heading = option.get_group(),
        .required = option.get_required(),
        .repeatable = takes_many(option),
    };
    if (takes_value(option)) {
        model.type = option.get_type_name();
        model.choices = split_choices(model.type);
    }
    if (is_positional(option)) {
        model.value = positional_name(option);
        return model;
    }
    for (std::string const &name : option.get_snames()) {
        model.names.push_back('-' + name);
    }
    for (std::string const &name : option.get_lnames()) {
        model.names.push_back("--" + name);
    }
    if (takes_value(option)) {
        model.value = model.type;
    }
    return model;
}

CLI::App const &app_at(CLI::App const &root, Path const &path) {
    CLI::App const *app = &root;
    for (std::string const &word : path) {
        app = app->get_subcommand(word);
    }
    return *app;
}

}  // namespace

std::string const &OptionModel::canonical_name() const {
    if (is_argument()) {
        return value;
    }
    auto const found =
        std::find_if(names.begin(), names.end(), [](std::string const &name) { return name.starts_with("--"); });
    return found == names.end() ? names.front() : *found;
}

std::string OptionModel::full_description() const {
    if (is_argument()) {
        return description;
    }
    return description + (required ? " (required)" : "") + (repeatable ? " (may be repeated)" : "");
}

CommandModel const *ProgramModel::find(Path const &path) const {
    auto const found = std::find_if(commands.begin(), commands.end(), [&](CommandModel const &command) {
        return command.path == path || (!command.alias.empty() && command.alias == path);
    });
    return found == commands.end() ? nullptr : &*found;
}

std::vector<Path> ProgramModel::below(Path const &path) const {
    std::vector<Path> found;
    for (CommandModel const &command : commands) {
        for (Path const &spelled : {command.path, command.alias}) {
            if (spelled.size() == path.size() + 1 && std::equal(path.begin(), path.end(), spelled.begin())) {
                found.push_back(spelled);
            }
        }
    }
    return found;
}

std::vector<OptionModel> describe_options(CLI::App const &app) {
    std::vector<OptionModel> options;
    for (CLI::Option const *option : app.get_options()) {
        options.push_back(describe_option(*option));
    }
    return options;
}

CommandModel describe_command(Command const &command, CLI::App const *leaf) {
    return {
        .path = split_path(command.path),
        .alias = split_path(command.alias),
        .summary = std::string(command.summary),
        .manual = split_manual_text(command.doc),
        .is_group = leaf == nullptr,
        .completes = command.completes,
        .options = leaf == nullptr ? std::vector<OptionModel>() : describe_options(*leaf),
    };
}

ProgramModel describe_program(std::span<Command const *const> table) {
    auto const root = make_whole_app(table);
    ProgramModel program{.globals = describe_options(*root)};
    for (Command const *command : table) {
        if (command->path.starts_with("__")) {
            continue;
        }
        bool const is_group = command->declare == nullptr;
        program.commands.push_back(
            describe_command(*command, is_group ? nullptr : &app_at(*root, split_path(command->path))));
    }
    return program;
}

}  // namespace relay::cli
