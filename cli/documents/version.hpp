#pragma once

#include "cli/context.hpp"
#include "cli/exit_status.hpp"

namespace relay::cli {

/// Runs `--version`: prints one line for people, or the document of `version` in the other formats.
ExitStatus show_version(Context &context);

/// Returns the versions of the program, of the schema it works with, and of libpq.
Document version_document();

}  // namespace relay::cli
