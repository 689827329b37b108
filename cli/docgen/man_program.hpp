#pragma once

#include "cli/command_line/command_model.hpp"

#include <string>

namespace relay::cli::docgen {

/// Returns relay-admin(1) in mdoc(7): the command tree, global flags, environment, files and exit codes.
std::string program_page(ProgramModel const &program);

}  // namespace relay::cli::docgen
