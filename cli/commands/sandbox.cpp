#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const sandbox;
Command const sandbox{
    .path = "sandbox",
    .summary = "a private PostgreSQL on a unix socket, for trying out",
    .doc = R"(A PostgreSQL server of your own, to try this program out without a database at hand: no network port,
no password, no root. It needs only that PostgreSQL is installed. The global flag --sandbox sends any command to it,
and starts it if need be.

EXAMPLES
  relay-admin --sandbox init --org-id acme-corp --org-name "Acme Corp" --agent-name "Payment Processor"
  relay-admin sandbox status
  relay-admin sandbox destroy)",
    .audience = Audience::set_up,
    .rank = 3,
};

}  // namespace relay::cli::commands
