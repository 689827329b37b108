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

/// One row of a file: its columns by name, without blanks around them. What is empty or null is not there.
struct InputRow {
    std::size_t line = 0;
    std::map<std::string, std::string> columns{};
    std::string fault{};  ///< why it cannot be read; then there are no columns
};

/// Our name of a column, and what the file calls it.
using ColumnMap = std::map<std::string, std::string>;

/// Reads `a=b,c=d`. Throws Error (usage): no such column of ours among `known`, or no name.
ColumnMap parse_column_map(std::vector<std::string> const &pairs, std::vector<std::string> const &known);

/// Gives each row of a file to `take`, one after the other: CSV with a header, or JSON lines if the first character that is not blank is `{`.
/// Lists and objects of JSON come as JSON text. `known`: our columns, of which `required` must be in a CSV's header.
/// Throws Error (usage): no header, or one without what is required.
void read_rows(TextSource &source, std::string const &name, ColumnMap const &map, std::vector<std::string> const &known,
               std::string const &required, std::function<void(InputRow)> const &take);

}  // namespace relay::cli
