#pragma once

#include "relay/model/page.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The order of a list, as the user chose it. The server sorts, so that the program's memory stays flat.
namespace relay::db {

/// A field that a list can be sorted by, and its expression. Each list has one constant table of these: no text from
/// outside becomes part of a statement.
struct SortColumn {
    std::string_view field;  ///< as in JSON: "created_at"
    std::string_view expression;  ///< `name COLLATE "C"`
};

/// Returns ` ORDER BY ...`: by `sort`, where null comes last, and by `id`, so that the order is always the same. Throws
/// Error (usage) for a field that the table does not have.
std::string order_by(std::span<SortColumn const> columns, std::vector<SortField> const &sort, std::string_view id);

/// Returns the fields of a table.
std::vector<std::string> sort_fields(std::span<SortColumn const> columns);

}  // namespace relay::db
