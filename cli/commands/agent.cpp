#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const agent{
    .path = "agent",
    .summary = "create, list, show and change agents",
    .doc =
        R"(An agent is one caller of the relay, with an identity and a key of its own. The first key comes with `agent create`, the next ones with
`rotate-key`; `block` shuts an agent out for a while, `revoke` for good.
)",
    .audience = Audience::agents,
    .rank = 1,
};

}  // namespace relay::cli::commands
