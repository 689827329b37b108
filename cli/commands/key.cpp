#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const key{
    .path = "key",
    .summary = "list, check and retire keys",
    .doc =
        R"(A key is known by its id, the 12 characters behind relay_sk_, which are public and stand in logs and events. The key itself is stored as a
hash alone: no command can show it again. Keys are made by `agent create`, `rotate-key` and `restore`.
)",
    .audience = Audience::agents,
    .rank = 3,
};

}  // namespace relay::cli::commands
