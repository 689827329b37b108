#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const schema{
    .path = "schema",
    .summary = "install and check the database schema",
    .doc =
        R"(The tables are in schema relay, the functions for gateways in schema relay_api. Numbered migrations that are part of this program make them.
On a database whose schema is older or newer than the program, what works on the tables stops with exit 11 and changes nothing.
)",
    .audience = Audience::set_up,
    .rank = 2,
};

}  // namespace relay::cli::commands
