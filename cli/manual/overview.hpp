#pragma once

#include "cli/command_line/command_tree.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// The commands and groups for one audience. Which they are is read from the table of commands: there is no other list.
struct AudienceGroup {
    Audience audience;
    std::string_view label;  ///< "orgs": on the front page
    std::string_view heading;  ///< "Organizations": in the manual
    std::vector<std::string> words{};  ///< "org", "rotate-key"
};

/// The first words of all commands, by audience; audiences that have none are left out.
std::vector<AudienceGroup> audience_groups(std::span<Command const *const> table);

/// The page of `relay-admin` alone: commands by audience. Fits a screen.
std::string overview_text(std::span<Command const *const> table);

}  // namespace relay::cli
