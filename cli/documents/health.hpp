#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/health/doctor.hpp"

#include <string>

namespace relay::cli {

/// Returns the document of kind CheckList, with lines of kind Check.
Document health_document(Examination const &examination, Globals const &globals);

/// Returns the same for people, escaped: one line per check, `next:` below each problem, and a line with the totals.
std::string health_text(Examination const &examination, Globals const &globals);

}  // namespace relay::cli
