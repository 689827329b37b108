#pragma once

#include "cli/command_line/command_model.hpp"

#include <string>

namespace relay::cli::docgen {

/// Returns the page of a command or group in mdoc(7).
std::string command_page(ProgramModel const &program, CommandModel const &command);

}  // namespace relay::cli::docgen
