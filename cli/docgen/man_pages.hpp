#pragma once

#include "cli/command_line/command_model.hpp"
#include "cli/docgen/generated_file.hpp"

#include <vector>

namespace relay::cli::docgen {

/// The manual in mdoc(7): `relay-admin.1`, and one page a command and a group, named as git names its own
/// (`relay-admin-org-create.1`).
std::vector<GeneratedFile> man_pages(ProgramModel const &program);

}  // namespace relay::cli::docgen
