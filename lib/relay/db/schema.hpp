#pragma once

#include "relay/db/database.hpp"
#include "relay/db/migrations.hpp"

#include <functional>
#include <string>
#include <vector>

/// The database schema as this program knows it: numbered forward migrations, embedded, each applied in one transaction and recorded with the
/// checksum of its file.
namespace relay::db {

/// How a database stands to this program.
enum class SchemaState {
    absent,  ///< no relay schema at all
    current,
    behind,  ///< migrations are missing at the end: `schema apply`
    ahead,  ///< migrated by a newer program
    edited,  ///< a recorded migration has another checksum than ours
    incomplete,  ///< the record has a gap, or schema `relay` exists without a record: not made by `schema apply`
};

/// "absent", "current", "behind", "ahead", "edited", "incomplete".
std::string_view schema_state_name(SchemaState state);

struct AppliedMigration {
    int version = 0;
    std::string name{};
    std::string checksum{};
    Instant applied_at{};
    std::string applied_by{};
};

struct SchemaStatus {
    SchemaState state = SchemaState::absent;
    int version = 0;  ///< the highest that is applied; 0: none
    std::vector<AppliedMigration> applied{};
    std::vector<int> edited{};  ///< versions with a foreign checksum
    std::vector<int> missing{};  ///< versions of ours that are not applied
};

SchemaStatus read_schema_status(Transaction &transaction);

/// Throws the Error (schema) that says what is wrong and what to do; nothing for absent, behind and current.
void refuse_unmigratable(SchemaStatus const &status);

/// Applies inside `transaction`, under the migration lock, whatever is missing: for `init`, which does all in one transaction.
/// Returns the versions that it applied. Throws Error (schema) as refuse_unmigratable.
std::vector<int> apply_pending(Transaction &transaction);

/// Applies what is missing, one transaction a migration; two at once are safe. `applied` is told each version after its COMMIT.
/// With `dry_run` all of them run in one transaction that is rolled back. Returns the versions that it applied.
std::vector<int> apply_schema(Database &database, bool dry_run,
                              std::function<void(Migration const &)> const &applied = {});

/// One migration as a script for psql: what `schema apply` would send, its record included.
std::string migration_script(Migration const &migration);

/// One line of the catalog that is missing from the database, or should not be there.
struct SchemaDifference {
    bool missing = false;  ///< else unexpected
    std::string line{};  ///< "column relay.agents.name text not null"
};

/// Compares tables, columns, constraints, indexes, functions, triggers and grants with what the migrations make. Empty: as it should be.
std::vector<SchemaDifference> verify_schema(Transaction &transaction);

/// The catalog of schemas relay and relay_api, one object a line, sorted: the form of schema/catalog.txt. Monthly partitions are left out.
std::vector<std::string> read_catalog(Transaction &transaction);

}  // namespace relay::db
