#pragma once

#include <string>
#include <string_view>

/// Escapes that can be taken back, for text that a program reads again. For people, escape_for_terminal is enough.
namespace relay {

/// Makes invisible characters visible as escape_for_terminal does, except tab, carriage return and line feed. A
/// backslash stays as it is, unless what follows it would look like an escape: then each backslash before that is
/// doubled. So unescape returns the text, whatever it is. `text` is clean UTF-8.
std::string escape_reversibly(std::string_view text);

/// Returns the text of which escape_reversibly made `text`.
std::string unescape(std::string_view text);

/// Appends a code point as UTF-8.
void append_utf8(std::string &out, char32_t code_point);

}  // namespace relay
