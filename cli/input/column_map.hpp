#pragma once

#include <map>
#include <string>
#include <vector>

namespace relay::cli {

/// Maps our name of a column to its name in the source; an empty name leaves the column out.
using ColumnMap = std::map<std::string, std::string>;

/// Parses `a=b`, `c=`. Throws Error (usage) if there is no `=`, or a name on the left is not in `known`.
ColumnMap parse_column_map(std::vector<std::string> const &pairs, std::vector<std::string> const &known);

/// The columns that a reader looks for.
struct WantedColumns {
    ColumnMap const &map;
    std::vector<std::string> const &known;
    std::string const &required;

    /// Returns the source's name of one of our columns; empty: it is left out.
    std::string const &theirs(std::string const &column) const {
        auto const mapped = map.find(column);
        return mapped == map.end() ? column : mapped->second;
    }
};

}  // namespace relay::cli
