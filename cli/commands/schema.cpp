#include "cli/command.hpp"

namespace relay::cli::schema_command {

extern Command const command{
    .path = "schema",
    .summary = "install and check the database schema",
    .doc =
        R"(The tables are in schema relay, and the functions for gateways in schema relay_api. The numbered migrations
that are part of relay-admin create them. If a database's schema is older or newer than the program, commands that use
the tables exit 11 and change nothing.
)",
    .audience = Audience::set_up,
    .rank = 2,
};

}  // namespace relay::cli::schema_command
