#pragma once

#include "cli/command_line/command_model.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relay::cli {

/// A command line that is still being typed, read as far as it makes sense; it never causes an error.
struct TypedLine {
    struct Flag {
        OptionModel const *option;
        std::string value;  ///< empty for a bare flag
    };

    Path path{};  ///< the words of the command so far
    CommandModel const *command = nullptr;  ///< null until the words name a command that is not a group
    bool lost = false;  ///< a word is not one of our commands, so nothing can be offered
    std::vector<Flag> flags{};
    std::vector<std::string> positionals{};
    bool flags_ended = false;  ///< by `--`
    std::string word{};  ///< what is being typed; for `--flag=value` and `-fvalue` the value
    std::string kept{};  ///< what is before it in a word `-fvalue`: `-f`. (Shells split at `--flag=` themselves.)
    OptionModel const *expects = nullptr;  ///< the flag whose value `word` is

    bool gives(OptionModel const &option) const;
    /// Returns the value of a global flag, such as "--dsn"; null if it has none.
    std::string const *value_of(std::string_view flag) const;
    /// Returns the argument of that type, if the command takes exactly one; empty if none was typed.
    std::string argument_of(std::string_view type) const;
    /// Returns the argument that `word` would be; null if none is left.
    OptionModel const *next_argument() const;
};

/// Reads `words`: all words after the program's name up to the cursor; the last one is being typed and may be empty.
/// The result points into `program`.
TypedLine read_typed_line(std::vector<std::string> const &words, ProgramModel const &program);

}  // namespace relay::cli
