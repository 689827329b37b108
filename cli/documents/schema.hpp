#pragma once

#include "cli/output/document.hpp"
#include "relay/schema/migrate.hpp"

namespace relay::cli {

/// Returns the document of kind SchemaStatus: the state, the versions, and each migration of the program or the
/// database.
Document schema_status_document(SchemaReport const &report);
/// Returns the document of kind SchemaVerification: `ok`, and each difference.
Document schema_verification_document(SchemaComparison const &comparison);

}  // namespace relay::cli
