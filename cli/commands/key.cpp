#include "cli/command.hpp"

namespace relay::cli::key_command {

extern Command const command{
    .path = "key",
    .summary = "list, check and retire keys",
    .doc =
        R"(A key is known by its id: the 12 characters after relay_sk_, which are public and appear in logs and
events. The database stores only a hash of the key, so no command can show the key again. `agent create`, `rotate-key`
and `restore` make keys.
)",
    .audience = Audience::agents,
    .rank = 3,
};

}  // namespace relay::cli::key_command
