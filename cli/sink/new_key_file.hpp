#pragma once

#include <string>

namespace relay::cli {

/// Returns the name of a file for a key of this agent that the current folder does not have yet, for a command that the
/// program advises: "crm.key", else "crm-2.key" and so on.
std::string new_key_file(std::string const &agent);

}  // namespace relay::cli
