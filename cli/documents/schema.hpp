#pragma once

#include "cli/output/document.hpp"
#include "relay/schema/migrate.hpp"

namespace relay::cli {

/// Kind SchemaStatus: the state, its versions, and each migration that the program or the database knows.
Document schema_status_document(SchemaReport const &report);
/// Kind SchemaVerification: `ok`, and each difference.
Document schema_verification_document(SchemaComparison const &comparison);

}  // namespace relay::cli
