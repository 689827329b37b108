#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "cli/output/screen.hpp"
#include "relay/model/database_label.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Documents as text. Each function returns what is written to the stream, including the last newline.
namespace relay::cli {

struct Rendered {
    std::string text{};
    std::vector<std::string> notes{};  ///< what people should know about the rendering, for stderr
};

/// Returns the document in `format`. `screen` is the terminal that the text goes to: tables are fitted to it and JSON
/// is indented. Null means a pipe or a file. JSON also has `database`, where the command ran.
Rendered render(Document const &document, OutputFormat format, std::optional<Screen> const &screen,
                std::optional<DatabaseLabel> const &database = {});

/// Returns a table for pipes: labelled lines for a record, columns for a list. Text is escaped for the terminal. Fields
/// without a label are omitted, and in labelled lines also fields without a value. Instants are RFC 3339, and nothing
/// is cut.
std::string render_table(Document const &document);
/// Returns a table for a terminal. No line is wider than the terminal, except that ids, which people copy, are never
/// broken. Each instant also shows how far it is from the document's `at`. The notes name the columns that did not fit.
/// Empty for a list without items.
Rendered render_screen(Document const &document, Screen const &screen);
/// Returns CSV (RFC 4180) with LF and a header of keys. A text that starts with `= + - @`, tab or carriage return gets
/// a leading apostrophe, so that no spreadsheet runs it. Invisible characters, except tab and line ends, become
/// visible escapes. Both can be taken back (csv_text). An empty cell is null, and `""` an empty text. A list or record
/// inside a cell is JSON.
std::string render_csv(Document const &document);
/// Returns one text as a CSV cell, as render_csv does.
std::string csv_cell(std::string const &text);
/// Returns the text of which csv_cell made a field. `field` is without the quotes of CSV.
std::string csv_text(std::string_view field);
/// Returns the value of the document's id_key, one per line.
std::string render_ids(Document const &document);
/// Returns `KEY=VALUE` lines for the fields with plain values, with keys in capitals; the items of a list are separated
/// by an empty line. A value with characters other than `[A-Za-z0-9_./:@%+,-]` is omitted and named in the notes,
/// because sh, systemd, compose and docker disagree on quotes.
Rendered render_env(Document const &document);

/// Returns a value as one line of plain text, not escaped: empty for null, `yes` or `no`, RFC 3339 to the second, lists
/// joined by ", ".
std::string plain_text(Value const &value);

}  // namespace relay::cli
