#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const agent{
    .path = "agent",
    .summary = "create, list, show and change agents",
};

}  // namespace relay::cli::commands
