#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const audit;
Command const audit{
    .path = "audit",
    .summary = "look after the audit trail",
    .doc =
        R"(Whatever is done to organizations, agents and keys, and each time that a gateway checks a key, leaves its row in relay.auth_events. Rows are only
ever added. They are kept in a partition for each month.)",
    .audience = Audience::audit,
};

}  // namespace relay::cli::commands
