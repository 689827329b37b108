#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/error.hpp"
#include "relay/schema/records.hpp"
#include "relay/version.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace relay::db {
struct Migration;
}

namespace relay::sql {

SchemaStatus read_schema_status(db::Transaction &transaction);

/// Returns an Error (schema) that says why migrations cannot be applied and what to do; none for absent, behind,
/// convertible and current.
std::optional<Error> find_obstacle(SchemaStatus const &status);

/// Throws what find_obstacle found, if anything.
void refuse_unmigratable(SchemaStatus const &status);

/// Waits for other migrations and repairs of this database, and holds up later ones until the transaction ends. Comes first: what is
/// read before it, another run may change.
void lock_migrations(db::Transaction &transaction);

/// From here on, the transaction waits at most so long for each lock of a table.
void wait_for_tables(db::Transaction &transaction, std::chrono::milliseconds patience);

/// Applies one migration and records it.
void apply_migration(db::Transaction &transaction, db::Migration const &migration);

/// Returns the missing versions, under the lock for migrations. Throws Error (schema) as refuse_unmigratable, and if
/// the database's encoding is not UTF-8.
std::vector<int> pending_migrations(db::Transaction &transaction);

/// Applies the missing migrations up to number `up_to` inside `transaction`, under the migration lock, for `init`, which
/// does everything in one transaction. Returns the versions that it applied. Throws Error (schema) as
/// pending_migrations.
std::vector<int> apply_pending(db::Transaction &transaction, int up_to = schema_version());

/// Converts the schema that the last program before release 0.1.0 made, under the lock for migrations, if it is still there
/// (another run may have converted it): the migrations of 0.1.0, all rows, and then the later migrations. Returns the versions that it applied.
/// Throws Error (schema) if something in that schema was added, removed or built on by others, or if a row does not
/// fit the new tables.
std::vector<int> convert_pending(db::Transaction &transaction);

/// Returns one migration as a script for psql: what `schema apply` would send, including the row that records it.
std::string migration_script(db::Migration const &migration);

/// Compares all that the catalogs say about our schemas, our groups, and objects attached to either, with what the
/// migrations make (relay/schema/catalog_sql.hpp). Returns the differences; empty: there are none.
std::vector<SchemaDifference> verify_schema(db::Transaction &transaction);

struct CatalogComparison {
    std::vector<std::string> expected{};  ///< the lines of schema/catalog.txt, for each month that exists
    std::vector<SchemaDifference> differences{};
};
/// As verify_schema, with what it compared with.
CatalogComparison compare_catalog(db::Transaction &transaction);

/// Returns one object per line, sorted: the form of schema/catalog.txt, which has one month of auth_events for all.
std::vector<std::string> read_catalog(db::Transaction &transaction);

}  // namespace relay::sql
