#pragma once

#include "cli/command_line/command_model.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What the makers of the three scripts share.
namespace relay::cli {

/// In single quotes, for bash and zsh; for fish too, if it holds no backslash.
inline std::string in_single_quotes(std::string_view text) {
    std::string quoted = "'";
    for (char const letter : text) {
        quoted += letter == '\'' ? "'\\''" : std::string(1, letter);
    }
    return quoted + '\'';
}

inline std::string joined(std::vector<std::string> const &words, std::string_view separator) {
    std::string text;
    for (std::string const &word : words) {
        text.append(text.empty() ? "" : separator).append(word);
    }
    return text;
}

/// A command under one of its names.
struct SpelledCommand {
    Path path;
    CommandModel const *command;
};

/// Every command and group in the order of the table, an alias behind its command.
inline std::vector<SpelledCommand> spelled_commands(ProgramModel const &program) {
    std::vector<SpelledCommand> all;
    for (CommandModel const &command : program.commands) {
        all.push_back({command.path, &command});
        if (!command.alias.empty()) {
            all.push_back({command.alias, &command});
        }
    }
    return all;
}

}  // namespace relay::cli
