#include "cli/command.hpp"

namespace relay::cli::agent_command {

extern Command const command{
    .path = "agent",
    .summary = "create, list, show and change agents",
    .doc =
        R"(An agent is one caller of the relay, with its own identity and its own key. `agent create` issues its first
key, and `rotate-key` the next ones. `block` makes gateways refuse an agent until you lift the block; `revoke` ends
its keys permanently.
)",
    .audience = Audience::agents,
    .rank = 1,
};

}  // namespace relay::cli::agent_command
