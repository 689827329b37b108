#pragma once

#include <string>
#include <string_view>

/// Converts plain text to mdoc(7), using only what mandoc and groff read in the same way.
namespace relay::cli::docgen {

/// Returns text for a line or for an argument of a macro, escaped so that nothing in it is a request or an escape.
/// Hyphens and quotes can be copied from the page into a shell.
std::string escape(std::string_view text);

/// Returns escaped text as one argument of a macro, in quotes if necessary.
std::string argument(std::string_view text);

/// Returns a flag as the argument list of `.Fl`, which adds one hyphen itself: `\-name`.
std::string flag(std::string_view name);

/// Returns a paragraph of prose, each sentence on its own lines. `--flags` and `commands in back quotes` get their
/// macros. Ends with a newline.
std::string prose(std::string_view text);

/// Returns verbatim lines, indented and in a fixed font.
std::string verbatim(std::string_view lines);

/// Returns `.Sh TITLE` with its body; nothing if the body is empty.
std::string section(std::string_view title, std::string const &body);

}  // namespace relay::cli::docgen
