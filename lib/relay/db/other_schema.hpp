#pragma once

#include "relay/model/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relay::db {

/// Returns true if a database with these recorded migrations, in any order, has this program's schema.
bool is_our_schema(std::vector<std::int64_t> const &versions);

/// One row of relay.schema_migrations.
struct RecordedMigration {
    std::int64_t version = 0;
    std::string name{};
    std::string checksum{};
};

/// Returns true if the last program before release 0.1.0 made a database with these migrations, in order of version:
/// `schema apply` converts it.
bool is_convertible(std::vector<RecordedMigration> const &recorded);

/// Returns the error for such a database.
Error not_converted();

/// Returns true if a database records migration `version` under a different name than this program's. A release never
/// renames a migration, so an unreleased program made such a database: until 0.1.0, migrations are merged and renamed
/// whenever that makes them easier to read.
bool is_renamed(std::int64_t version, std::string_view name);

/// Returns the error for a database in which that migration has that name, with the ways out.
Error made_by_unreleased_program(std::int64_t version, std::string_view name);

/// Returns the error for a database with these migrations, none of them renamed: it is newer or older than this
/// program.
Error another_version(std::vector<std::int64_t> const &versions);

/// Returns true if the first statement of a transaction, which reads relay.schema_migrations, failed because there is no
/// such table (42P01) or no schema relay (3F000).
bool is_missing_schema(std::string_view sqlstate);

/// Returns the error for a database without our schema.
Error no_schema(std::string_view sqlstate);

}  // namespace relay::db
