#pragma once

#include <string>
#include <vector>

namespace relay::cli {

/// Reads a list of permissions as other programs write one: a JSON array of texts, an array of PostgreSQL such as
/// `{a:b,"c:d"}` (section 8.15 of its manual), or texts separated by commas, semicolons or blanks. An empty JSON object
/// is an empty list. Throws Error (usage) for any other object or array.
std::vector<std::string> read_permission_list(std::string const &text);

}  // namespace relay::cli
