#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// Splits a line of bash up to the cursor into words; the last one is being typed, and may be empty.
///
/// Quotes and backslashes are removed as bash would remove them, even if a quote is still open. Nothing is expanded:
/// `$(x)` remains as it is. bash's own COMP_WORDS does not help, because it is also split at = and :, and includes the
/// quotes.
std::vector<std::string> split_bash_line(std::string_view line);

}  // namespace relay::cli
