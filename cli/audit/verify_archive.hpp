#pragma once

#include "relay/audit/verify.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// Verifies files that `audit export` wrote, in steady memory. A fault that has a place is named with its file and line.
/// Throws Error (usage) if a file is not such an export, or no file has an event.
AuditVerification verify_archive_files(db::Database &database, std::vector<std::string> const &files,
                                       std::optional<SealHead> const &head, bool partial);

}  // namespace relay::cli
