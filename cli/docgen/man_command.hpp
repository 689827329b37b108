#pragma once

#include "cli/command_line/command_model.hpp"

#include <string>

namespace relay::cli::docgen {

/// The page of a command or of a group, in mdoc(7).
std::string command_page(ProgramModel const &program, CommandModel const &command);

}  // namespace relay::cli::docgen
