#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const config{
    .path = "config",
    .summary = "tell the settings in force",
    .audience = Audience::other,
};

}  // namespace relay::cli::commands
