#pragma once

#include "cli/output/document.hpp"
#include "cli/sink/leftover.hpp"
#include "relay/identity/recover.hpp"

#include <vector>

namespace relay::cli {

/// Returns the document of kind SettlementList: the outcome of one operation, or of each unfinished file of a folder.
Document recovery_document(OperationId const &operation, Verdict verdict);
Document recovery_document(std::vector<FolderEntry> const &entries);

}  // namespace relay::cli
