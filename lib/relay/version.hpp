#pragma once

#include <string_view>

namespace relay {

/// The version of the library and of the program, "major.minor.patch". The version of the schema is db::schema_version().
std::string_view version() noexcept;

}  // namespace relay
