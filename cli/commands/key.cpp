#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const key{
    .path = "key",
    .summary = "list, check and retire keys",
};

}  // namespace relay::cli::commands
