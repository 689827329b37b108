#pragma once

#include "cli/output/document.hpp"
#include "relay/audit/verify.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// Where the head of the chain was written, and its signature.
struct HeadCopy {
    std::optional<std::string> file{};
    std::optional<std::string> signature{};
};

/// Both return the document without its stamp. `archive`: the files that were verified; empty: the database was.
Document seal_document(SealReceipt const &receipt, HeadCopy const &copy);
Document verification_document(AuditVerification const &found, std::optional<bool> const &signature_valid,
                               std::vector<std::string> const &archive);

}  // namespace relay::cli
