#pragma once

#include "relay/db/database.hpp"
#include "relay/db/migrations.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/error.hpp"
#include "relay/schema/records.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace relay {

/// How a database stands to this program, on the database's own clock. `known_version` is the program's.
struct SchemaReport {
    SchemaStatus status{};
    int known_version = 0;
    Instant at{};
    std::string db_role{};
    std::optional<Error> obstacle{};  ///< why `schema apply` would refuse; none: it would not
};

/// Meets any version, also on a standby.
SchemaReport report_schema(db::Database &database);

struct SchemaComparison : SchemaReport {
    std::vector<SchemaDifference> differences{};
};

/// Compares the catalog with what the migrations make. Runs for a database that is current, or whose migrations were edited.
/// Throws Error (schema) for any other.
SchemaComparison compare_schema(db::Database &database);

struct MigratedSchema : WriteReceipt {
    int previous_version = 0;  ///< 0: there was no schema
    int version = 0;  ///< what it is now, or would be in a dry run
    std::vector<int> applied{};
};

/// Applies what is missing, one transaction a migration; two at once are safe. `applied` is told each migration after its COMMIT.
/// Throws Error (schema): edited, ahead, incomplete, or a database that is not UTF-8.
MigratedSchema migrate_schema(db::Database &database, bool dry_run,
                              std::function<void(db::Migration const &)> const &applied = {});

/// The migrations as a script for psql, or `only` one of them. Throws Error (not_found): no migration has that number.
std::string schema_script(std::optional<int> only = {});

}  // namespace relay
