#include "cli/command.hpp"

namespace relay::cli::audit_command {

extern Command const command;
Command const command{
    .path = "audit",
    .summary = "read and maintain the audit trail",
    .doc =
        R"(Every change to organizations, agents and keys, and every check of a key by a gateway, adds a row to
relay.auth_events. Rows are only added, never changed. They are stored in one partition per month.

`audit list` answers questions, `audit tail` follows what happens now, and `audit export` writes an archive. `audit anomalies`
shows what to look at, and `audit seal` and `audit verify` show that no event was altered.)",
    .audience = Audience::audit,
};

}  // namespace relay::cli::audit_command
