#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relay {

/// Returns the names in a setting of `synchronous_standby_names`, which the server has already accepted:
/// `FIRST 2 (a, "b-1", *)`, `ANY 1 (a, b)`, `2 (a, b)`, `a, b`, or empty. `*` means any standby.
std::vector<std::string> synchronous_standby_names(std::string_view setting);

/// Compares two names as the server does: the case of ASCII letters does not matter.
bool same_standby_name(std::string_view one, std::string_view other);

}  // namespace relay
