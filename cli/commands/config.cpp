#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const config{
    .path = "config",
    .summary = "show the settings in effect",
    .audience = Audience::other,
};

}  // namespace relay::cli::commands
