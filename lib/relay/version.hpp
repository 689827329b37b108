#pragma once

#include <string_view>

namespace relay {

/// The version of the library and of the program, "major.minor.patch".
std::string_view version() noexcept;

/// The version of the database schema that this library works with: that of the last migration; 0 without any.
int schema_version() noexcept;

}  // namespace relay
