#include "cli/command.hpp"

namespace relay::cli::incident_command {

extern Command const command;
Command const command{
    .path = "incident",
    .summary = "show what was done under a ticket",
    .doc =
        R"(If you give a change a ticket (--ticket), its event in the audit trail has the ticket. These commands put the
events of a ticket together, for the handover and for the post-mortem. relay-admin-incident(7) has the runbooks.
)",
    .audience = Audience::incidents,
};

}  // namespace relay::cli::incident_command
