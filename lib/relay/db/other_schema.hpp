#pragma once

#include "relay/model/error.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace relay::db {

/// Whether a database with these recorded migrations, in any order, has the schema of this program.
bool is_our_schema(std::vector<std::int64_t> const &versions);

/// Whether the record of a database gives migration `version` another name than this program does. A release never renames a migration, so
/// an unreleased program made such a database: until 0.1.0 the migrations are put together anew whenever that makes them easier to read.
bool is_renamed(std::int64_t version, std::string_view name);

/// What is wrong with a database in which that migration has that name, and the ways on.
Error made_by_unreleased_program(std::int64_t version, std::string_view name);

/// What is wrong with a database that has these migrations, none of them renamed: it is newer or older than this program.
Error another_version(std::vector<std::int64_t> const &versions);

}  // namespace relay::db
