#pragma once

#include <string_view>

namespace relay {

/// Returns the version of the library and of the program, "major.minor.patch".
std::string_view version() noexcept;

/// Returns the version of the database schema that this library works with: that of the last migration, or 0 without
/// any.
int schema_version() noexcept;

}  // namespace relay
