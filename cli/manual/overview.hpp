#pragma once

#include "cli/command_line/command_tree.hpp"

#include <span>
#include <string>
#include <vector>

namespace relay::cli {

/// Commands and groups that one kind of user needs.
struct Audience {
    std::string heading;
    std::vector<std::string> words;  ///< "org", "rotate-key"
};

/// The first words of all commands, by who needs them; what nobody needs in particular comes last.
std::vector<Audience> audiences(std::span<Command const *const> table);

/// The page of `relay-admin` alone: commands by who needs them. Fits a screen.
std::string overview_text(std::span<Command const *const> table);

}  // namespace relay::cli
