#pragma once

#include "relay/version.hpp"

#include <span>
#include <string_view>

namespace relay::db {

/// One file of schema/, `NNNN_name.sql`, embedded as it stands.
struct Migration {
    int version;  ///< NNNN: 1, 2, 3, ... without a gap
    std::string_view name;  ///< the file name without number and ending
    std::string_view checksum;  ///< SHA-256 of the file, 64 hexadecimal digits in lower case
    std::string_view sql;
};

/// Every migration, in order of version.
std::span<Migration const> migrations() noexcept;

/// What a database of schema_version() holds, as text (schema/catalog.txt); empty if that file was absent at build time.
std::string_view expected_catalog() noexcept;

}  // namespace relay::db
