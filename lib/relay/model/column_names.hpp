#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The names of columns in the files and tables of others.
namespace relay {

/// Returns the letters and digits of a name, the Latin ones in lower case: `Agent ID`, `agent-id` and `agentId` are all
/// `agentid`. Letters of other alphabets count.
std::string folded_name(std::string_view name);

/// Returns which of `present` has this name; none: no column. The same spelling comes first; otherwise the folded names
/// must be equal. Throws Error (usage) if two columns could be meant.
std::optional<std::size_t> find_column(std::vector<std::string> const &present, std::string_view name);

/// Returns true if find_column finds at least one.
bool has_column(std::vector<std::string> const &present, std::string_view name);

/// Returns the names for a message: "'id', 'org'", at most ten of them.
std::string listed_names(std::vector<std::string> const &names);

}  // namespace relay
