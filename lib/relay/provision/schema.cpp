#include "relay/provision/schema.hpp"

namespace relay {
namespace {

db::TransactOptions any_version() {
    db::TransactOptions options;
    options.read_only = true;
    options.check_schema = false;
    return options;
}

void read_report(db::Transaction &transaction, SchemaReport &report) {
    report.status = db::read_schema_status(transaction);
    report.known_version = db::schema_version();
    report.at = transaction.now();
    report.db_role = transaction.db_role();
}

void refuse_incomparable(SchemaReport const &report) {
    if (report.status.state == db::SchemaState::absent) {
        throw Error(ErrorKind::schema, "the database has no relay schema", {.next = "relay-admin schema apply"});
    }
    if (report.status.state == db::SchemaState::behind) {
        throw Error(ErrorKind::schema,
                    "the database schema is at version " + std::to_string(report.status.version) +
                        ", this program needs " + std::to_string(report.known_version),
                    {.next = "relay-admin schema apply"});
    }
    if (report.status.state != db::SchemaState::edited) {
        db::refuse_unmigratable(report.status);
    }
}

}  // namespace

SchemaReport report_schema(db::Database &database) {
    SchemaReport report;
    database.transact(any_version(), [&](db::Transaction &transaction) { read_report(transaction, report); });
    return report;
}

SchemaComparison compare_schema(db::Database &database) {
    SchemaComparison comparison;
    database.transact(any_version(), [&](db::Transaction &transaction) {
        read_report(transaction, comparison);
        refuse_incomparable(comparison);
        comparison.differences = db::verify_schema(transaction);
    });
    return comparison;
}

MigratedSchema migrate_schema(db::Database &database, bool dry_run,
                              std::function<void(db::Migration const &)> const &applied) {
    SchemaReport const before = report_schema(database);
    MigratedSchema migrated;
    migrated.at = before.at;
    migrated.at = before.at;
    migrated.db_role = before.db_role;
    migrated.previous_version = before.status.version;
    migrated.applied = db::apply_schema(database, dry_run, applied);
    migrated.changed = !migrated.applied.empty();
    migrated.version = db::schema_version();
    return migrated;
}

std::string schema_script(std::optional<int> only) {
    if (only && (*only < 1 || *only > db::schema_version())) {
        throw Error(ErrorKind::not_found, "no migration has the number " + std::to_string(*only),
                    {.why = "this program knows 1 to " + std::to_string(db::schema_version())});
    }
    std::string script;
    for (db::Migration const &migration : db::migrations()) {
        if (!only || *only == migration.version) {
            script += db::migration_script(migration);
        }
    }
    return script;
}

}  // namespace relay
