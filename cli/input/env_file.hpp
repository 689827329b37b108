#pragma once

#include "cli/input/env_text.hpp"

#include <string>
#include <string_view>

/// The settings of a relay, as a file (cli/input/env_text.hpp).
namespace relay::cli {

class Context;

/// Reads the file into locked memory, at most 1 MiB, and scans it. Throws Error (usage) that names the flag if the file
/// is unreadable or too long.
RelaySettings read_env_file(Context &context, std::string const &path, std::string_view flag);

}  // namespace relay::cli
