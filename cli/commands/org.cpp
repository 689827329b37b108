#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const org{
    .path = "org",
    .summary = "create, list, show and change organizations",
};

}  // namespace relay::cli::commands
