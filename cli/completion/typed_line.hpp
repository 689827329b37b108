#pragma once

#include "cli/command_line/command_model.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relay::cli {

/// A command line that is still being typed: read as far as it makes sense, and never complained about.
struct TypedLine {
    struct Flag {
        OptionModel const *option;
        std::string value;  ///< empty for a bare flag
    };

    Path path{};  ///< the words of the command so far
    CommandModel const *command = nullptr;  ///< null until the words name a command that is no group
    bool lost = false;  ///< a word is no command of ours: nothing can be said of the rest
    std::vector<Flag> flags{};
    std::vector<std::string> positionals{};
    bool flags_ended = false;  ///< by `--`
    std::string word{};  ///< what is being typed; of `--flag=value` and `-fvalue` the value
    std::string kept{};  ///< what is before it in a word `-fvalue`: `-f`. (At `--flag=` shells part a word themselves.)
    OptionModel const *expects = nullptr;  ///< the flag whose value `word` is

    bool gives(OptionModel const &option) const;
    /// The value of a global flag, such as "--dsn"; null if it is not given with one.
    std::string const *value_of(std::string_view flag) const;
    /// What stands where the command takes one argument of that type; empty if nothing does.
    std::string argument_of(std::string_view type) const;
    /// The argument that `word` would be; null if there is none left.
    OptionModel const *next_argument() const;
};

/// `words`: all words behind the program's name up to the cursor; the last one is being typed and may be empty.
/// The result points into `program`.
TypedLine read_typed_line(std::vector<std::string> const &words, ProgramModel const &program);

}  // namespace relay::cli
