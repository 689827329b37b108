#pragma once

#include "cli/command_line/rotate_options.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"

namespace relay::cli {

/// Runs rotate-key --org and --all: shows each agent as soon as its batch is committed.
ExitStatus rotate_fleet(RotateOptions const &options, Context &context);

}  // namespace relay::cli
