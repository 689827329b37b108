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

}  // namespace relay::db
