#include "relay/db/schema.hpp"

#include "relay/db/migration_lock.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay::db {
namespace {

constexpr char const *encoding_sql =
    "SELECT pg_encoding_to_char(encoding) AS encoding FROM pg_database WHERE datname = current_database()";

constexpr char const *record_sql = "INSERT INTO relay.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)";

/// The first migration makes the roles and takes relay_owner's by itself; every later one starts as relay_owner.
constexpr std::string_view take_role_sql = "SET LOCAL ROLE relay_owner;";
constexpr std::string_view leave_role_sql = "RESET ROLE;";

void apply_one(Transaction &transaction, Migration const &migration) {
    transaction.exec_script(migration.version == 1 ? std::string(migration.sql)
                                                   : fmt::format("{}\n{}", take_role_sql, migration.sql));
    transaction.exec(record_sql, {migration.version, std::string(migration.name), std::string(migration.checksum)});
    transaction.exec_script(std::string(leave_role_sql));
}

void refuse_other_encoding(Transaction &transaction) {
    std::string encoding = transaction.exec(encoding_sql).one().text("encoding");
    if (encoding != "UTF8") {
        throw Error(ErrorKind::schema, "the database's encoding is " + encoding + ", it must be UTF8",
                    {.why = "names are checked and compared as Unicode",
                     .next = "createdb --encoding=UTF8 --template=template0 NAME"});
    }
}

/// Under the lock, since another applier may have been faster.
std::vector<int> pending(Transaction &transaction) {
    transaction.exec(migration_lock_sql);
    SchemaStatus const status = read_schema_status(transaction);
    refuse_unmigratable(status);
    refuse_other_encoding(transaction);
    return status.missing;
}

Migration const &migration_at(int version) { return migrations()[static_cast<std::size_t>(version) - 1]; }

}  // namespace

std::vector<int> apply_pending(Transaction &transaction) {
    std::vector<int> versions = pending(transaction);
    for (int const version : versions) {
        apply_one(transaction, migration_at(version));
    }
    return versions;
}

std::vector<int> apply_schema(Database &database, bool dry_run, std::function<void(Migration const &)> const &applied) {
    std::vector<int> done;
    for (bool more = true; more;) {
        int version = 0;
        TransactOptions options;
        options.check_schema = false;
        options.dry_run = dry_run;
        options.was_committed = [&](Transaction &transaction) {
            SchemaStatus const status = read_schema_status(transaction);
            return std::find(status.missing.begin(), status.missing.end(), version) == status.missing.end();
        };
        database.transact(options, [&](Transaction &transaction) {
            std::vector<int> const versions = pending(transaction);
            std::size_t const batch = dry_run ? versions.size() : std::min<std::size_t>(versions.size(), 1);
            for (std::size_t i = 0; i < batch; ++i) {
                apply_one(transaction, migration_at(versions[i]));
            }
            version = versions.empty() ? 0 : versions.front();
            more = versions.size() > batch;
            if (dry_run) {
                done = versions;
            }
        });
        if (version != 0 && !dry_run) {
            done.push_back(version);
            if (applied) {
                applied(migration_at(version));
            }
        }
    }
    return done;
}

std::string migration_script(Migration const &migration) {
    // The name and the checksum are ours, of letters, digits and underscores: nothing to quote.
    return fmt::format(
        "-- {0}: sha256 {1}\nBEGIN;\nSET LOCAL search_path = pg_catalog, pg_temp;\n{2};\n{3}{4}{5}"
        "INSERT INTO relay.schema_migrations (version, name, checksum) VALUES ({6}, '{0}', '{1}');\nCOMMIT;\n\n",
        migration.name, migration.checksum, migration_lock_sql, migration.version == 1 ? "" : take_role_sql,
        migration.version == 1 ? "" : "\n", migration.sql, migration.version);
}

}  // namespace relay::db
