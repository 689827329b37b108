#include "relay/db/order_by.hpp"

#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::db {

std::string order_by(std::span<SortColumn const> columns, std::vector<SortField> const &sort, std::string_view id) {
    std::string terms = " ORDER BY ";
    for (SortField const &field : sort) {
        auto const known = std::find_if(columns.begin(), columns.end(),
                                        [&](SortColumn const &column) { return column.field == field.name; });
        if (known == columns.end()) {
            throw Error(ErrorKind::usage, "a list cannot be sorted by " + quote_for_message(field.name));
        }
        terms += std::string(known->expression) + (field.descending ? " DESC NULLS LAST, " : " NULLS LAST, ");
    }
    return terms + std::string(id);
}

std::vector<std::string> sort_fields(std::span<SortColumn const> columns) {
    std::vector<std::string> fields;
    for (SortColumn const &column : columns) {
        fields.emplace_back(column.field);
    }
    return fields;
}

}  // namespace relay::db
