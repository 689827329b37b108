#pragma once

#include <string_view>
#include <vector>

namespace relay {

/// Returns the ids of all checks, in the order of the report: a check comes before those that depend on it. The ids
/// are an interface and do not change.
std::vector<std::string_view> const &known_checks();

}  // namespace relay
