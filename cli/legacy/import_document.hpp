#pragma once

#include "cli/output/document.hpp"
#include "relay/legacy/import.hpp"

#include <string>

namespace relay::cli {

class Context;

/// Returns the result of an import. Rows that fail because their organization is missing are one line for people: they
/// would hide the others.
Document import_document(Context &context, std::string const &source, ImportedLegacy const &done);

/// Says why an import changed nothing, and what it compared to know that. `matching`: rows were chosen by the shared
/// secret.
std::string unchanged_text(ImportedLegacy const &done, bool matching);

}  // namespace relay::cli
