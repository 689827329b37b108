#pragma once

#include "cli/command_line/command_model.hpp"

#include <string>

namespace relay::cli::docgen {

/// relay-admin(1): the command tree, global flags, environment, files and exit codes, in mdoc(7).
std::string program_page(ProgramModel const &program);

}  // namespace relay::cli::docgen
