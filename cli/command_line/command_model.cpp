#include "cli/command_line/command_model.hpp"

#include "cli/command_line/globals.hpp"

#include <algorithm>

namespace relay::cli {

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

std::vector<OptionModel> describe_globals() {
    GlobalOptions targets;  // only for the declaration: nothing is read into them
    OptionSet set;
    declare_globals(set, targets);
    return set.options();
}

CommandModel describe_command(Command const &command) {
    OptionSet set;
    if (command.declare != nullptr) {
        command.declare(set);
    }
    return {
        .path = split_path(command.path),
        .alias = split_path(command.alias),
        .summary = std::string(command.summary),
        .manual = split_manual_text(command.doc),
        .is_group = command.declare == nullptr,
        .completes = command.completes,
        .options = set.options(),
    };
}

ProgramModel describe_program(std::span<Command const *const> table) {
    ProgramModel program{.globals = describe_globals()};
    for (Command const *command : table) {
        if (!command->path.starts_with("__")) {
            program.commands.push_back(describe_command(*command));
        }
    }
    return program;
}

}  // namespace relay::cli
