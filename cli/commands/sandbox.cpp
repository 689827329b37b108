#include "cli/command.hpp"

namespace relay::cli::sandbox_command {

extern Command const command;
Command const command{
    .path = "sandbox",
    .summary = "run a private PostgreSQL on a unix socket, for trials",
    .doc = R"(Runs a private PostgreSQL server, so that you can try relay-admin without a database: it needs no network
port, no password and no root. It needs only an installed PostgreSQL. The global flag --sandbox makes any command use
it, and starts it if necessary.

EXAMPLES
  relay-admin --sandbox init --org-id acme-corp --org-name "Acme Corp" --agent-name "Payment Processor"
  relay-admin sandbox status
  relay-admin sandbox destroy)",
    .audience = Audience::set_up,
    .rank = 3,
};

}  // namespace relay::cli::sandbox_command
