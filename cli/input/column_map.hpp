#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// Maps our name of a column to its name in the source; an empty name leaves the column out.
using ColumnMap = std::map<std::string, std::string>;

/// Returns whether a column of the source that is not one of ours is read, too, by its own name.
using AlsoColumn = bool (*)(std::string_view name);

/// Parses `a=b`, `c=`. Throws Error (usage) if there is no `=`, or a name on the left is not in `known`. A column of `also`
/// can be left out: `status=`.
ColumnMap parse_column_map(std::vector<std::string> const &pairs, std::vector<std::string> const &known,
                           AlsoColumn also = nullptr);

/// The columns that a reader looks for.
struct WantedColumns {
    ColumnMap const &map;
    std::vector<std::string> const &known;
    std::string const &required;
    AlsoColumn also = nullptr;

    /// Returns the source's name of one of our columns; empty: it is left out.
    std::string const &theirs(std::string const &column) const {
        auto const mapped = map.find(column);
        return mapped == map.end() ? column : mapped->second;
    }
    /// Returns whether a column that is not one of ours is read by its own name.
    bool takes(std::string const &name) const;
};

}  // namespace relay::cli
