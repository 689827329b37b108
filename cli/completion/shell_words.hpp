#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// Splits a line of bash up to the cursor into words; the last one is being typed, and may be empty.
///
/// Quotes and backslashes are taken off as bash would take them off, also where a quote is still open. Nothing is
/// expanded: `$(x)` is three signs and a letter. bash's own COMP_WORDS is no help, since it is split at = and : as
/// well, and has the quotes in it.
std::vector<std::string> split_bash_line(std::string_view line);

}  // namespace relay::cli
