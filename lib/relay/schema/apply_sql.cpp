#include "relay/schema/schema_sql.hpp"

#include "relay/db/migration_lock.hpp"
#include "relay/db/migrations.hpp"

#include <fmt/format.h>

namespace relay::sql {
namespace {

constexpr char const *encoding_sql =
    "SELECT pg_encoding_to_char(encoding) AS encoding FROM pg_database WHERE datname = current_database()";

constexpr char const *record_sql = "INSERT INTO relay.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)";

/// The first migration creates the roles and switches to relay_owner itself; every later one starts as relay_owner.
constexpr std::string_view take_role_sql = "SET LOCAL ROLE relay_owner;";
constexpr std::string_view leave_role_sql = "RESET ROLE;";

void refuse_other_encoding(db::Transaction &transaction) {
    std::string encoding = transaction.exec(encoding_sql).one().text("encoding");
    if (encoding != "UTF8") {
        throw Error(ErrorKind::schema, "the database's encoding is " + encoding + ", but it must be UTF8",
                    {.why = "names are checked and compared as Unicode",
                     .next = "use a database created with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"});
    }
}

}  // namespace

void apply_migration(db::Transaction &transaction, db::Migration const &migration) {
    transaction.exec_script(migration.version == 1 ? std::string(migration.sql)
                                                   : fmt::format("{}\n{}", take_role_sql, migration.sql));
    transaction.exec(record_sql, {migration.version, std::string(migration.name), std::string(migration.checksum)});
    transaction.exec_script(std::string(leave_role_sql));
}

void lock_migrations(db::Transaction &transaction) { db::take(transaction, db::migration_lock); }

void wait_for_tables(db::Transaction &transaction, std::chrono::milliseconds patience) {
    transaction.send("SELECT set_config('lock_timeout', $1, true)", {patience.count()});  // with the next statement
}

std::vector<int> pending_migrations(db::Transaction &transaction) {
    SchemaStatus const status = read_schema_status(transaction);
    refuse_unmigratable(status);
    refuse_other_encoding(transaction);
    return status.missing;
}

std::vector<int> apply_pending(db::Transaction &transaction, int up_to) {
    lock_migrations(transaction);
    std::vector<int> versions = pending_migrations(transaction);
    std::erase_if(versions, [up_to](int version) { return version > up_to; });
    for (int const version : versions) {
        apply_migration(transaction, db::migrations()[static_cast<std::size_t>(version) - 1]);
    }
    return versions;
}

std::string migration_script(db::Migration const &migration) {
    // The name and the checksum come from our own files and have only letters, digits and underscores: no quoting
    // needed.
    return fmt::format(
        "-- {0}: sha256 {1}\nBEGIN;\nSET LOCAL search_path = pg_catalog, pg_temp;\n{2};\n{3}{4}{5}"
        "INSERT INTO relay.schema_migrations (version, name, checksum) VALUES ({6}, '{0}', '{1}');\nCOMMIT;\n\n",
        migration.name, migration.checksum, db::migration_lock.take, migration.version == 1 ? "" : take_role_sql,
        migration.version == 1 ? "" : "\n", migration.sql, migration.version);
}

}  // namespace relay::sql
