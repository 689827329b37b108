#pragma once

#include <string>
#include <string_view>

/// Plain text turned into mdoc(7), in the part of the language that mandoc and groff read alike.
namespace relay::cli::docgen {

/// Text for a line or an argument of a macro: nothing in it is read as a request or an escape, and hyphens and quotes
/// can be copied from the page into a shell.
std::string escape(std::string_view text);

/// As escape, as one argument of a macro: in quotes where it needs them.
std::string argument(std::string_view text);

/// `.Fl \-name`: a flag with its hyphens, as an argument list of `.Fl`, which adds one hyphen itself.
std::string flag(std::string_view name);

/// A paragraph of prose, each sentence on lines of its own. `--flags` and `commands in back quotes` get their macros.
/// Ends with a newline.
std::string prose(std::string_view text);

/// Lines that are kept as they are, indented and in a fixed font.
std::string verbatim(std::string_view lines);

/// `.Sh TITLE` with its body; nothing if the body is empty.
std::string section(std::string_view title, std::string const &body);

}  // namespace relay::cli::docgen
