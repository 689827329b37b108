#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/model/time.hpp"

#include <string>

namespace relay::cli {

/// Fills in what every document of a write has besides its content: changed, dry run, trace, actor and role;
/// and the warning if the change feed took no row of the change.
void stamp(Document &document, Context &context, WriteReceipt const &receipt);

/// Does the same for a document of a read, with the time of the database.
void stamp(Document &document, Context &context, Instant at, std::string const &db_role);

}  // namespace relay::cli
