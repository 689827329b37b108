#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relay::db {

/// Returns true if `text` looks like a name that a person chose for a thing: parts of letters, then up to four digits,
/// between `_`, `-` or `.`; at most 40 bytes. A text in the place of a name may be a piece of a password that was not
/// quoted or percent-encoded; any other text is not shown.
bool is_like_a_name(std::string_view text);

/// Returns true if libpq has a setting with this keyword.
bool is_keyword(std::string_view text);

/// What is known about a parameter that libpq does not have.
struct ForeignParameter {
    std::string why{};  ///< "pgbouncer is a parameter of Prisma"; empty: nothing is known
    std::vector<std::string> instead{};  ///< libpq's keywords for the same, or with a similar name
};

ForeignParameter describe_foreign(std::string_view name);

/// Returns true if a driver or a newer libpq has a parameter of this name.
bool is_known_elsewhere(std::string_view name);

}  // namespace relay::db
