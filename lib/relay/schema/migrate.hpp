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

/// Whether a database's schema fits this program.
struct SchemaReport {
    SchemaStatus status{};
    int known_version = 0;  ///< the version that this program needs
    Instant at{};  ///< by the database's clock
    std::string db_role{};
    std::optional<Error> obstacle{};  ///< why `schema apply` would refuse; none: it would not
};

/// Reports on the schema. Works with any version, and on a standby.
SchemaReport report_schema(db::Database &database);

struct SchemaComparison : SchemaReport {
    std::vector<SchemaDifference> differences{};
    bool repairable = false;  ///< repair_schema() would mend at least one of them
};

/// Compares the database's catalog with what the migrations create. Works if the schema is current, or if its
/// migrations were edited. Throws Error (schema) in any other state.
SchemaComparison compare_schema(db::Database &database);

struct MigratedSchema : WriteReceipt {
    int previous_version = 0;  ///< 0: there was no schema
    int version = 0;  ///< the version now, or for a dry run the version that it would have
    std::vector<int> applied{};
    bool converted = false;  ///< the last program before release 0.1.0 had made the schema
};

/// Applies the missing migrations, one transaction per migration, and calls `applied` for each after its COMMIT. A
/// schema of before release 0.1.0 is converted in one transaction instead, for all migrations. Two runs at the same
/// time are safe. Throws Error (schema): edited, ahead, incomplete, the schema to convert was changed by hand, or the
/// database's encoding is not UTF-8.
MigratedSchema migrate_schema(db::Database &database, bool dry_run,
                              std::function<void(db::Migration const &)> const &applied = {});

/// Returns the migrations, or `only` one of them, as a script for psql. Throws Error (not_found): no such migration.
std::string schema_script(std::optional<int> only = {});

}  // namespace relay
