#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relay {

/// The names in a `synchronous_standby_names`, as the server takes them: `FIRST 2 (a, "b-1", *)`, `ANY 1 (a, b)`, `2 (a, b)`, `a, b`, or empty.
/// `*` stands for any standby. The server has accepted the setting: there is nothing to refuse.
std::vector<std::string> synchronous_standby_names(std::string_view setting);

/// The server compares these names without regard to the case of ASCII letters.
bool same_standby_name(std::string_view one, std::string_view other);

}  // namespace relay
