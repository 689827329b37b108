#pragma once

#include "cli/context.hpp"
#include "cli/exit_status.hpp"

namespace relay::cli {

/// What runs for `--version`: one line for people; in the other formats the document of `version`.
ExitStatus show_version(Context &context);

/// Versions of the program, of the schema that it works with, and of libpq.
Document version_document();

}  // namespace relay::cli
