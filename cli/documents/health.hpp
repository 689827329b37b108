#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/health/doctor.hpp"

#include <string>

namespace relay::cli {

/// `kind` "CheckList", its lines "Check".
Document health_document(Examination const &examination, Globals const &globals);

/// The same for people, escaped: a line a check, `next:` below what is not as it should be, and a line that sums up.
std::string health_text(Examination const &examination, Globals const &globals);

}  // namespace relay::cli
