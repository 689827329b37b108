#pragma once

#include "cli/context.hpp"
#include "cli/document.hpp"

#include <string>
#include <vector>

/// Documents as text: each function returns what goes to the stream, its last newline included.
namespace relay::cli {

struct Rendered {
    std::string text{};
    std::vector<std::string> notes{};  ///< what people should know of the rendering, for stderr
};

/// `on_terminal`: JSON is indented, otherwise on one line; nothing else depends on it.
Rendered render(Document const &document, OutputFormat format, bool on_terminal);

/// Labelled lines for one thing, columns for a list. Text is escaped for the terminal; fields without a label are left out, and so are
/// those without a value where a line shows just one.
std::string render_table(Document const &document);
/// RFC 4180 with LF and a header of keys. A text that starts with `= + - @`, tab or carriage return gets a leading apostrophe, so that no
/// spreadsheet runs it; control and bidi characters (tab and line ends apart) become visible escapes. Lists and records are JSON in their cell.
std::string render_csv(Document const &document);
/// The value of the document's id_key, one a line.
std::string render_ids(Document const &document);
/// `KEY=VALUE` of the fields that are plain values, keys in capitals; blocks of a list are parted by an empty line. A value with characters
/// besides `[A-Za-z0-9_./:@%+,-]` is left out and named in the notes: sh, systemd, compose and docker disagree on quotes.
Rendered render_env(Document const &document);

/// A value as one line of plain text, not escaped: empty for null, `yes`/`no`, RFC 3339 to the second, lists joined by ", ".
std::string plain_text(Value const &value);

}  // namespace relay::cli
