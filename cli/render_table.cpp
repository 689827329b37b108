#include "cli/render.hpp"
#include "cli/text_table.hpp"
#include "cli/text_width.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

std::string safe_text(Value const &value) { return escape_for_terminal(plain_text(value)); }

/// Columns are those of `columns` with a label; a row's cells are found by key, so that a row may leave fields out.
std::string list_text(Record const &columns, std::vector<Record> const &items) {
    TextTable table;
    std::vector<std::string> keys;
    for (Field const &column : columns) {
        if (!column.label.empty()) {
            keys.push_back(column.key);
            table.add_column(column.label);
        }
    }
    std::vector<bool> numeric(keys.size(), !items.empty());
    for (Record const &item : items) {
        std::vector<std::string> cells(keys.size());
        for (Field const &field : item) {
            auto const at = std::find(keys.begin(), keys.end(), field.key);
            if (at != keys.end()) {
                auto const index = static_cast<std::size_t>(at - keys.begin());
                cells[index] = safe_text(field.value);
                numeric[index] = numeric[index] && (std::holds_alternative<std::int64_t>(field.value) ||
                                                    std::holds_alternative<std::monostate>(field.value));
            }
        }
        table.add_row(std::move(cells));
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (numeric[i]) {
            table.align_right(i);
        }
    }
    return table.str();
}

bool is_shown_in_line(Field const &field) {
    return !field.label.empty() && !std::holds_alternative<std::monostate>(field.value) &&
           !std::holds_alternative<std::vector<Record>>(field.value);
}

std::string record_text(Record const &record, std::size_t indent) {
    std::size_t widest = 0;
    for (Field const &field : record) {
        if (is_shown_in_line(field) && !std::holds_alternative<Record>(field.value)) {
            widest = std::max(widest, display_width(field.label));
        }
    }
    std::string const margin(indent, ' ');
    std::string text;
    for (Field const &field : record) {
        if (!is_shown_in_line(field)) {
            continue;
        }
        std::string const label = margin + escape_for_terminal(field.label) + ':';
        if (auto const *inner = std::get_if<Record>(&field.value)) {
            text += label + '\n' + record_text(*inner, indent + 2);
        } else {
            text += pad_right(label, indent + widest + 3) + safe_text(field.value) + '\n';
        }
    }
    return text;
}

/// Lists inside a record stand below it, each under its label.
std::string inner_lists(Record const &record) {
    std::string text;
    for (Field const &field : record) {
        auto const *items = std::get_if<std::vector<Record>>(&field.value);
        if (items == nullptr || field.label.empty()) {
            continue;
        }
        text += '\n' + escape_for_terminal(field.label) + ":\n";
        text += items->empty() ? "none\n" : list_text(items->front(), *items);
    }
    return text;
}

}  // namespace

std::string render_table(Document const &document) {
    if (!document.is_list) {
        return record_text(document.data, 0) + inner_lists(document.data);
    }
    bool const described = !document.columns.empty() || document.items.empty();
    return list_text(described ? document.columns : document.items.front(), document.items);
}

}  // namespace relay::cli
