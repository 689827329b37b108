#pragma once

#include "cli/input/text_source.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// One row of a file: its columns by name, without surrounding blanks. Empty and null values are absent.
struct InputRow {
    std::size_t line = 0;
    std::map<std::string, std::string> columns{};
    std::string fault{};  ///< why the row cannot be read; it has no columns then
};

/// Maps our name of a column to its name in the file.
using ColumnMap = std::map<std::string, std::string>;

/// Parses `a=b,c=d`. Throws Error (usage) if a name on the left is not in `known`, or one on the right is missing.
ColumnMap parse_column_map(std::vector<std::string> const &pairs, std::vector<std::string> const &known);

/// Passes each row of a file to `take`, one after the other. The file is CSV with a header, or JSON lines if its first
/// non-blank character is `{`. Lists and objects in JSON are passed as JSON text. `known` are our columns; a CSV header
/// must have the `required` one. Throws Error (usage) if there is no header, or the required column is missing.
void read_rows(TextSource &source, std::string const &name, ColumnMap const &map, std::vector<std::string> const &known,
               std::string const &required, std::function<void(InputRow)> const &take);

}  // namespace relay::cli
