#pragma once

#include <optional>
#include <string_view>

namespace relay::cli {

/// Reads a yes (true, t, yes, y, on, 1) or a no (false, f, no, n, off, 0), in any case: the words of PostgreSQL's
/// boolean type, section 8.6 of its manual. None: another word, which the caller must not take for either.
std::optional<bool> read_yes_no(std::string_view text);

}  // namespace relay::cli
