#pragma once

#include "cli/command_line/option_set.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// The flags that are valid at a place on the line: those of the command, and the global ones. A flag of the command
/// hides a global flag of the same name.
struct FlagsInReach {
    std::vector<OptionModel> const *command = nullptr;  ///< null: no command has been named yet
    std::vector<OptionModel> const &globals;

    /// Returns the flag with this name ("-o", "--output"); null if there is none.
    OptionModel const *find(std::string_view name) const;
    bool is_global(OptionModel const &option) const;
    /// Returns the flags similar to `spelled`, with their hyphens.
    std::vector<std::string> similar(std::string const &spelled) const;
};

}  // namespace relay::cli
