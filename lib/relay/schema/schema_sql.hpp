#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/error.hpp"
#include "relay/schema/records.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::db {
struct Migration;
}

namespace relay::sql {

SchemaStatus read_schema_status(db::Transaction &transaction);

/// Why migrations cannot be applied, as an Error (schema) that says what is wrong and what to do; none for absent, behind and current.
std::optional<Error> find_obstacle(SchemaStatus const &status);

/// Throws what find_obstacle found, if anything.
void refuse_unmigratable(SchemaStatus const &status);

/// Applies one migration and records it.
void apply_migration(db::Transaction &transaction, db::Migration const &migration);

/// Takes the migration lock, then returns the versions that are missing. Throws Error (schema) as refuse_unmigratable, and for a database that
/// is not UTF-8.
std::vector<int> pending_migrations(db::Transaction &transaction);

/// Applies inside `transaction`, under the migration lock, whatever is missing: for `init`, which does all in one transaction.
/// Returns the versions that it applied. Throws Error (schema) as refuse_unmigratable.
std::vector<int> apply_pending(db::Transaction &transaction);

/// One migration as a script for psql: what `schema apply` would send, its record included.
std::string migration_script(db::Migration const &migration);

/// Compares tables, columns, constraints, indexes, functions, triggers and grants with what the migrations make. Empty: as it should be.
std::vector<SchemaDifference> verify_schema(db::Transaction &transaction);

/// The catalog of schemas relay and relay_api, one object a line, sorted: the form of schema/catalog.txt. Monthly partitions are left out.
std::vector<std::string> read_catalog(db::Transaction &transaction);

}  // namespace relay::sql
