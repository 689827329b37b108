#pragma once

#include "cli/command_line/option_set.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// The flags that can be given at a place on the line: those of the command, and the global ones. A flag of the command hides a global
/// flag of the same name.
struct FlagsInReach {
    std::vector<OptionModel> const *command = nullptr;  ///< null: no command is named yet
    std::vector<OptionModel> const &globals;

    /// The flag with this name ("-o", "--output"); null if there is none.
    OptionModel const *find(std::string_view name) const;
    bool is_global(OptionModel const &option) const;
    /// Flags that somebody who wrote `spelled` may have meant, with their hyphens.
    std::vector<std::string> similar(std::string const &spelled) const;
};

}  // namespace relay::cli
