#pragma once

#include "cli/input/row_reader.hpp"

#include <string_view>

namespace relay::cli {

/// Passes the rows of CSV to `take`, as read_rows says.
void read_csv_rows(TextSource &source, std::string const &name, WantedColumns const &wanted, TakeRow const &take);

/// Returns which character separates the fields of a header: the one with which it has the column, otherwise the one
/// that gives most fields; a comma if all give one.
char header_separator(std::string_view header, std::string_view column);

/// Returns the fields of one line of CSV, without the blanks around them; empty if it is malformed.
std::vector<std::string> csv_fields(std::string_view line, char separator);

}  // namespace relay::cli
