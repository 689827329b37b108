#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace relay::cli::docgen {

/// Breaks a command line for a shell into lines of at most `width` columns where possible: `\` at the end of a line,
/// the next lines indented. Never breaks between a flag and its value, or inside quotes.
std::string break_shell_line(std::string_view command, std::size_t width);

}  // namespace relay::cli::docgen
