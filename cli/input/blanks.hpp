#pragma once

#include <string>
#include <string_view>

namespace relay::cli {

/// Returns `text` without the blanks around it: space, tab, line ends, and the invisible characters that spreadsheets,
/// chats and word processors put there (no-break and thin spaces, zero-width characters, a byte order mark).
std::string_view trimmed(std::string_view text);

inline bool is_blank(std::string_view text) { return trimmed(text).empty(); }

/// Returns `text` with the Latin capitals A to Z in lower case.
std::string lower_case(std::string_view text);

}  // namespace relay::cli
