#include "cli/command.hpp"

namespace relay::cli::config_command {

extern Command const command{
    .path = "config",
    .summary = "show the settings in effect",
    .audience = Audience::other,
};

}  // namespace relay::cli::config_command
