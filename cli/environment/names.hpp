#pragma once

#include <string_view>

namespace relay::cli {

/// Returns whether `text` can be the name of an environment variable in each shell: letters, digits and _, no digit first.
bool is_variable_name(std::string_view text);

/// Returns whether `text` can begin such names: the same, at most 64 characters.
bool is_variable_prefix(std::string_view text);

}  // namespace relay::cli
