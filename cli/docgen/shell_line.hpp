#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace relay::cli::docgen {

/// A command line for a shell, broken into lines of at most `width` columns where that can be: `\` at a line's end, the
/// next lines indented. Never between a flag and its value, and never inside quotes.
std::string break_shell_line(std::string_view command, std::size_t width);

}  // namespace relay::cli::docgen
