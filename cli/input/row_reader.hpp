#pragma once

#include "cli/input/column_map.hpp"
#include "cli/input/text_source.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace relay::cli {

/// One row of a file: its columns by name, without surrounding blanks. Empty and null values are absent: an empty
/// field, JSON null, and `\N` and `NULL`, as databases export them.
struct InputRow {
    std::size_t line = 0;
    std::map<std::string, std::string> columns{};
    std::vector<std::string> truths{};  ///< columns whose value was true or false in JSON
    std::string fault{};  ///< why the row cannot be read; it has no columns then
};

/// Takes the rows, one after the other.
using TakeRow = std::function<void(InputRow)>;

/// Passes each row of a decoded text to `take`. The text is
/// - JSON if it begins with `{` or `[`: lines, objects one after the other, or one list. A list or object as a value is
///   passed as JSON text. Numbers are exact, or the row is at fault.
/// - otherwise CSV with a header, separated by comma, semicolon, tab or bar, as the header or a line `sep=;` says.
///   Lines before the header that are empty or begin with # are skipped, and rows with only blanks anywhere.
/// Names of columns may differ in case, blanks, hyphens and underscores. `known` are our columns; a CSV header must
/// have the `required` one. Columns of `also` keep their own names. Returns the names in `map` that no row of JSON has. Throws Error (usage) if there is no
/// header, two columns have one name, or the required or a mapped column is missing: it lists those that were found.
std::vector<std::string> read_rows(TextSource &source, std::string const &name, ColumnMap const &map,
                                   std::vector<std::string> const &known, std::string const &required,
                                   TakeRow const &take, AlsoColumn also = nullptr);

/// Sets a column, unless `text` is blank or means that there is no value.
void put_column(InputRow &row, std::string const &column, std::string_view text);

/// Returns what is wrong with bytes that are not UTF-8, and how to convert them; empty: nothing.
std::string encoding_fault(std::string_view text);

/// Reads until a whole line is in memory, or as much as memory allows. Returns the size of the line without its end;
/// npos at the end of the text.
std::size_t load_line(TextSource &source);

}  // namespace relay::cli
