#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const schema{
    .path = "schema",
    .summary = "install and check the database schema",
};

}  // namespace relay::cli::commands
