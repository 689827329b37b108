#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const audit;
Command const audit{
    .path = "audit",
    .summary = "maintain the audit trail",
    .doc =
        R"(Every change to organizations, agents and keys, and every check of a key by a gateway, adds a row to
relay.auth_events. Rows are only added, never changed. They are stored in one partition per month.)",
    .audience = Audience::audit,
};

}  // namespace relay::cli::commands
