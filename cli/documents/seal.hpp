#pragma once

#include "cli/output/document.hpp"
#include "relay/audit/seal.hpp"

namespace relay::cli {

/// Where the head of the chain was written, and its signature.
struct HeadCopy {
    std::optional<std::string> file{};
    std::optional<std::string> signature{};
};

/// Both return the document without its stamp.
Document seal_document(SealReceipt const &receipt, HeadCopy const &copy);
Document verification_document(AuditVerification const &found, std::optional<bool> const &signature_valid);

}  // namespace relay::cli
