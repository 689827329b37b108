#pragma once

#include "relay/db/database.hpp"
#include "relay/model/attribution.hpp"
#include "relay/schema/repair_plan.hpp"

#include <cstddef>
#include <vector>

namespace relay {

struct RepairedSchema : WriteReceipt {
    std::vector<SchemaRepair> repairs{};  ///< what was done, in order
    std::size_t remaining = 0;  ///< how many differences are left: `schema verify` lists them
};

/// Gives a database that was restored without owners, rights or our groups what the migrations give it, in one
/// transaction, and compares it again. Needs a superuser, or the owner of the objects with the right to create roles. A dry run does
/// the same and rolls back. Throws Error (schema) unless the schema is of this program's version.
RepairedSchema repair_schema(db::Database &database, bool dry_run);

}  // namespace relay
