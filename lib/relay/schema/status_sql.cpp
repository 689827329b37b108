#include "relay/schema/schema_sql.hpp"

#include "relay/db/migrations.hpp"
#include "relay/db/other_schema.hpp"

#include <fmt/format.h>
#include <map>

namespace relay::sql {
namespace {

// Reads the catalog tables: to_regclass answers from the session's cache, which waiting for the migration lock does
// not refresh.
constexpr char const *presence_sql = R"sql(
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'relay') AS has_schema,
       EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
               WHERE n.nspname = 'relay' AND c.relname = 'schema_migrations') AS has_record)sql";

constexpr char const *applied_sql = R"sql(
SELECT version, name, checksum, applied_at, applied_by FROM relay.schema_migrations ORDER BY version)sql";

std::string join(std::vector<int> const &numbers) { return fmt::format("{}", fmt::join(numbers, ", ")); }

bool is_convertible(SchemaStatus const &status) {
    std::vector<db::RecordedMigration> recorded;
    for (AppliedMigration const &applied : status.applied) {
        recorded.push_back({applied.version, applied.name, applied.checksum});
    }
    return db::is_convertible(recorded);
}

SchemaState judge(SchemaStatus const &status, int known) {
    if (is_convertible(status)) {
        return SchemaState::convertible;
    }
    if (!status.edited.empty()) {
        return SchemaState::edited;
    }
    if (status.version > known) {
        return SchemaState::ahead;
    }
    if (status.missing.empty()) {
        return SchemaState::current;
    }
    return status.missing.front() <= status.version || status.version == 0 ? SchemaState::incomplete
                                                                           : SchemaState::behind;
}

Error describe_edited(SchemaStatus const &status) {
    for (AppliedMigration const &applied : status.applied) {
        if (db::is_renamed(applied.version, applied.name)) {
            return db::made_by_unreleased_program(applied.version, applied.name);
        }
    }
    return {ErrorKind::schema,
            fmt::format("migration {} was applied from a different file than this program's: the checksum differs",
                        join(status.edited)),
            {.why = "the file was edited after it was applied, or an unreleased version or a fork of this program made "
                    "this schema",
             .next = advise(Act::verify_schema)}};
}

Error describe_incomplete(SchemaStatus const &status) {
    return {ErrorKind::schema,
            status.version == 0 ? std::string("schema relay exists, but has no record of migrations: it is half "
                                              "applied, or something else made it")
                                : fmt::format("migration {} is missing below version {}: the schema is half applied",
                                              join(status.missing), status.version),
            {.why = "this program applies each migration in one transaction, so something else made or changed it",
             .next = advise(Act::show_schema_status)
                         .also("drop the schemas relay and relay_api if they are empty, or restore a backup")}};
}

}  // namespace

SchemaStatus read_schema_status(db::Transaction &transaction) {
    SchemaStatus status;
    db::Rows const presence_rows = transaction.exec(presence_sql);
    db::Row const presence = presence_rows.one();
    if (presence.boolean("has_record")) {
        db::Rows const rows = transaction.exec(applied_sql);
        for (db::Row const row : rows) {
            status.applied.push_back({.version = static_cast<int>(row.integer("version")),
                                      .name = row.text("name"),
                                      .checksum = row.text("checksum"),
                                      .applied_at = row.instant("applied_at"),
                                      .applied_by = row.text("applied_by")});
            status.version = status.applied.back().version;
        }
    }
    std::map<int, std::string> checksums;
    for (AppliedMigration const &migration : status.applied) {
        checksums.emplace(migration.version, migration.checksum);
    }
    for (db::Migration const &migration : db::migrations()) {
        auto const found = checksums.find(migration.version);
        if (found == checksums.end()) {
            status.missing.push_back(migration.version);
        } else if (found->second != migration.checksum) {
            status.edited.push_back(migration.version);
        }
    }
    status.state =
        presence.boolean("has_schema") ? judge(status, static_cast<int>(db::migrations().size())) : SchemaState::absent;
    return status;
}

std::optional<Error> find_obstacle(SchemaStatus const &status) {
    switch (status.state) {
        case SchemaState::absent:
        case SchemaState::current:
        case SchemaState::behind:
        case SchemaState::convertible: break;
        case SchemaState::ahead: return db::another_version({status.version});
        case SchemaState::edited: return describe_edited(status);
        case SchemaState::incomplete: return describe_incomplete(status);
    }
    return std::nullopt;
}

void refuse_unmigratable(SchemaStatus const &status) {
    if (std::optional<Error> const obstacle = find_obstacle(status)) {
        throw *obstacle;
    }
}

}  // namespace relay::sql
