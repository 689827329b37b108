#include "relay/db/other_schema.hpp"

#include "relay/db/migrations.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay::db {
namespace {

std::int64_t highest(std::vector<std::int64_t> const &versions) {
    return versions.empty() ? 0 : *std::max_element(versions.begin(), versions.end());
}

/// Returns this program's name for migration `version`; empty if it has no such migration.
std::string_view our_name(std::int64_t version) {
    bool const known = version >= 1 && version <= schema_version();
    return known ? migrations()[static_cast<std::size_t>(version) - 1].name : std::string_view();
}

}  // namespace

bool is_our_schema(std::vector<std::int64_t> const &versions) {
    return highest(versions) == schema_version() && static_cast<std::int64_t>(versions.size()) == schema_version();
}

bool is_convertible(std::vector<RecordedMigration> const &recorded) {
    std::string lines;
    for (RecordedMigration const &migration : recorded) {
        lines += fmt::format("{} {} {}\n", migration.version, migration.name, migration.checksum);
    }
    return lines == conversion().recognized;
}

Error not_converted() {
    return {ErrorKind::schema,
            "the last program before release 0.1.0 made this database, and it is not converted yet",
            {.why = "release 0.1.0 has other tables; the conversion keeps all data and is one transaction",
             .next = advise(Act::apply_schema)}};
}

bool is_renamed(std::int64_t version, std::string_view name) {
    return !our_name(version).empty() && our_name(version) != name;
}

Error made_by_unreleased_program(std::int64_t version, std::string_view name) {
    return {
        ErrorKind::schema,
        fmt::format("an unreleased version of this program made this database: its migration {} is {}, but this "
                    "program's is {}; nothing was changed",
                    version, name, our_name(version)),
        {.why = "before release 0.1.0 migrations were renamed and merged, and this program converts only what the last "
                "version before it made; to keep the data, use the version that made it",
         .next = advise(Act::discard_schema).also(advise(Act::apply_schema)).noting("afterwards")}};
}

Error another_version(std::vector<std::int64_t> const &versions) {
    std::int64_t const version = highest(versions);
    if (version > schema_version()) {
        return {ErrorKind::schema,
                fmt::format("the database schema is at version {}, but this program knows only {}", version,
                            schema_version()),
                {.why = "a newer version of this program has migrated it", .next = "use that newer version"}};
    }
    return {ErrorKind::schema,
            fmt::format("the database schema is at version {}, but this program needs {}", version, schema_version()),
            {.next = advise(Act::apply_schema)}};
}

bool is_missing_schema(std::string_view sqlstate) { return sqlstate == "42P01" || sqlstate == "3F000"; }

Error no_schema(std::string_view sqlstate) {
    return {ErrorKind::schema,
            "no relay schema in this database",
            {.why = "it has no table relay.schema_migrations",
             .next = advise(Act::initialize)
                         .noting("a first organization and agent, too")
                         .also(advise(Act::apply_schema))
                         .noting("the schema only"),
             .sqlstate = std::string(sqlstate)}};
}

}  // namespace relay::db
