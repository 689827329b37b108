#pragma once

#include "cli/command_line/command_tree.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// The commands and groups for one audience. The table of commands defines them; there is no other list.
struct AudienceGroup {
    Audience audience;
    std::string_view label;  ///< "orgs": on the front page
    std::string_view heading;  ///< "Organizations": in the manual
    std::vector<std::string> words{};  ///< "org", "rotate-key"
};

/// Returns the first words of all commands by audience, without empty audiences.
std::vector<AudienceGroup> audience_groups(std::span<Command const *const> table);

/// Returns the front page, shown by `relay-admin` without arguments: the commands by audience. It fits on one screen.
std::string overview_text(std::span<Command const *const> table);

}  // namespace relay::cli
