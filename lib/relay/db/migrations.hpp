#pragma once

#include "relay/version.hpp"

#include <span>
#include <string_view>

namespace relay::db {

/// One file of schema/, `NNNN_name.sql`, embedded unchanged.
struct Migration {
    int version;  ///< NNNN: 1, 2, 3, ... without a gap
    std::string_view name;  ///< the file name without number and extension
    std::string_view checksum;  ///< SHA-256 of the file, 64 hexadecimal digits in lower case
    std::string_view sql;
};

/// Returns every migration, in order of version.
std::span<Migration const> migrations() noexcept;

/// Returns the catalog of a database at schema_version() (schema/catalog.txt); empty if there was no such file at
/// build time.
std::string_view expected_catalog() noexcept;

/// How a database that the last program before release 0.1.0 made is converted: the files of schema/conversion, embedded
/// unchanged. It is the only schema that is older than the first migration.
struct Conversion {
    std::string_view recognized;  ///< its migrations, a line each: "2 organizations_and_agents 665bca85..."
    std::string_view shape_sql;  ///< asks for the lines of `shape`
    std::string_view shape;  ///< what is in its two schemas, sorted
    std::string_view move_aside;  ///< renames its schemas
    std::string_view move_rows;  ///< after the migrations: moves the rows, and drops what is left
};
Conversion const &conversion() noexcept;

}  // namespace relay::db
