#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "cli/output/screen.hpp"

#include <optional>
#include <string>
#include <vector>

/// Documents as text: each function returns what goes to the stream, its last newline included.
namespace relay::cli {

struct Rendered {
    std::string text{};
    std::vector<std::string> notes{};  ///< what people should know of the rendering, for stderr
};

/// `screen`: the terminal that the text goes to, for which tables are fitted and JSON is indented; null: a pipe or a file.
Rendered render(Document const &document, OutputFormat format, std::optional<Screen> const &screen);

/// Labelled lines for one thing, columns for a list. Text is escaped for the terminal; fields without a label are left out, and so are
/// those without a value where a line shows just one. Instants are RFC 3339, nothing is cut: for pipes.
std::string render_table(Document const &document);
/// The same for a terminal: no line is wider than it (ids, which are copied, are never broken), and each instant is told with its distance
/// from the document's `at`. The notes name columns for which there was no room. Nothing for a list without items.
Rendered render_screen(Document const &document, Screen const &screen);
/// RFC 4180 with LF and a header of keys. A text that starts with `= + - @`, tab or carriage return gets a leading apostrophe, so that no
/// spreadsheet runs it; control and bidi characters (tab and line ends apart) become visible escapes. Lists and records are JSON in their cell.
std::string render_csv(Document const &document);
/// One text as a cell of that.
std::string csv_cell(std::string const &text);
/// The value of the document's id_key, one a line.
std::string render_ids(Document const &document);
/// `KEY=VALUE` of the fields that are plain values, keys in capitals; blocks of a list are parted by an empty line. A value with characters
/// besides `[A-Za-z0-9_./:@%+,-]` is left out and named in the notes: sh, systemd, compose and docker disagree on quotes.
Rendered render_env(Document const &document);

/// A value as one line of plain text, not escaped: empty for null, `yes`/`no`, RFC 3339 to the second, lists joined by ", ".
std::string plain_text(Value const &value);

}  // namespace relay::cli
