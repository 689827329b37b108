#pragma once

#include "cli/context.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// Returns the flags that name the database of this run, as words. Settings from the environment are not repeated: the
/// next command finds them there. A --dsn that contains a password becomes `--dsn CONNINFO`, a placeholder that matches
/// no server.
std::vector<std::string> connection_flags(Globals const &globals);

}  // namespace relay::cli
