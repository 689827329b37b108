#pragma once

#include "cli/input/row_reader.hpp"

#include <string_view>

namespace relay::cli {

/// Passes the objects of a JSON text to `take`, as read_rows says. A line that is not an object costs that row only. If
/// the text has no lines of objects, an object that never ends costs all that follows, which is one faulty row.
std::vector<std::string> read_json_rows(TextSource &source, std::string const &name, WantedColumns const &wanted,
                                        TakeRow const &take);

/// Passes each element of a JSON list, or each object of a text, to `take`, with the line on which it begins and what
/// is wrong with it, if it has no end.
using TakeJson = std::function<void(std::size_t line, std::string_view json, std::string const &fault)>;
void read_json_values(TextSource &source, TakeJson const &take);

/// Returns how many bytes the JSON value at the start of `text` has; npos if it does not end there. Only brackets and
/// strings are looked at.
std::size_t json_value_size(std::string_view text);

/// Returns where in an object the first list with objects or texts is, as jq writes it: `.data.items`; empty: nowhere.
/// The object need not be complete.
std::string json_list_path(std::string_view object);

}  // namespace relay::cli
