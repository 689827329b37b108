#pragma once

#include "cli/command_line/command_model.hpp"
#include "cli/docgen/generated_file.hpp"

#include <vector>

namespace relay::cli::docgen {

/// Returns the manual in mdoc(7): `relay-admin.1`, and one page per command and group, named as git names its pages
/// (`relay-admin-org-create.1`).
std::vector<GeneratedFile> man_pages(ProgramModel const &program);

}  // namespace relay::cli::docgen
