#include "cli/output/relative_time.hpp"
#include "cli/output/render_table_parts.hpp"
#include "cli/output/table_fit.hpp"
#include "cli/output/text_width.hpp"

#include <algorithm>

namespace relay::cli {

struct Table::Column {
    std::string key{};
    std::string label{};
    Room room{};
    std::size_t place = 0;  ///< where the last row had it
    std::size_t width = 0;
    bool shown = true;
    bool left_out = false;  ///< not shown, although it has content
    bool is_number = false;  ///< aligned to the right
};

namespace {

std::string cell_text(Value const *value, TimeForm form, Reader const &reader) {
    if (value == nullptr) {
        return "";
    }
    auto const *at = std::get_if<Instant>(value);
    if (at != nullptr && reader.now && form == TimeForm::relative) {
        return relative_time(*at, *reader.now);
    }
    return people_text(*value, form == TimeForm::absolute ? Reader{} : reader);
}

bool is_null(Value const *value) { return value == nullptr || std::holds_alternative<std::monostate>(*value); }

bool is_number(Value const *value) { return is_null(value) || std::holds_alternative<std::int64_t>(*value); }

std::string in_capitals(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char letter) {
        return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    });
    return text;
}

}  // namespace

Table::Table(Record const &columns, std::vector<Record> const &first, Reader const &reader) : m_reader(reader) {
    for (std::size_t place = 0; place < columns.size(); ++place) {
        if (Field const &field = columns[place]; !field.label.empty()) {
            m_columns.push_back({.key = field.key, .label = field.label, .room = field.room, .place = place});
        }
    }
    lay_out(first);
}

Table::~Table() = default;

void Table::lay_out(std::vector<Record> const &first) {
    std::vector<ColumnNeed> needs;
    for (Column &column : m_columns) {
        ColumnNeed &need =
            needs.emplace_back(ColumnNeed{.header = display_width(column.label), .empty = true, .room = column.room});
        need.widths.fill(need.header);
        column.is_number = !first.empty();
        for (Record const &row : first) {
            Value const *const value = cell(column, row);
            column.is_number = column.is_number && is_number(value);
            bool const is_time = value != nullptr && std::holds_alternative<Instant>(*value);
            std::size_t width = display_width(cell_text(value, TimeForm::both, m_reader));
            for (TimeForm const form : time_forms) {
                width = is_time && m_reader.now ? display_width(cell_text(value, form, m_reader)) : width;
                need.empty = need.empty && width == 0;
                std::size_t &most = need.widths[static_cast<std::size_t>(form)];
                most = std::max(most, width);
            }
        }
        column.width = need.widths.front();
    }
    if (!m_reader.columns) {
        return;
    }
    std::optional<TableFit> const fit = fit_table(needs, *m_reader.columns);
    m_as_records = !fit;
    if (!fit) {
        return;
    }
    m_form = fit->form;
    for (std::size_t i = 0; i < m_columns.size(); ++i) {
        auto const at = std::find(fit->shown.begin(), fit->shown.end(), i);
        Column &column = m_columns[i];
        column.shown = at != fit->shown.end();
        column.left_out = !column.shown && !needs[i].empty;
        column.width = column.shown ? fit->widths[static_cast<std::size_t>(at - fit->shown.begin())] : 0;
    }
}

/// Rows of one list have the same fields, so a field is where the row before had it.
Value const *Table::cell(Column &column, Record const &row) const {
    if (column.place >= row.size() || row[column.place].key != column.key) {
        auto const at =
            std::find_if(row.begin(), row.end(), [&](Field const &field) { return field.key == column.key; });
        if (at == row.end()) {
            return nullptr;
        }
        column.place = static_cast<std::size_t>(at - row.begin());
    }
    return &row[column.place].value;
}

std::string Table::header() const {
    std::string line;
    for (Column const &column : m_columns) {
        if (!m_as_records && column.shown) {
            std::string const label = in_capitals(column.label);
            line += line.empty() ? "" : "  ";
            line += column.is_number ? pad_left(label, column.width) : pad_right(label, column.width);
        }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line.empty() ? "" : line + '\n';
}

void Table::add(Record const &row, std::string &text) {
    if (m_as_records) {
        return add_as_record(row, text);
    }
    std::size_t const start = text.size();
    bool is_first = true;
    for (Column &column : m_columns) {
        Value const *const value = cell(column, row);
        if (!column.shown) {
            column.left_out = column.left_out || !is_null(value);
            continue;
        }
        std::string shown = cell_text(value, m_form, m_reader);
        if (m_reader.columns && column.room.cut) {
            shown = cut_to_width(shown, column.width);
        }
        text += is_first ? "" : "  ";
        is_first = false;
        column.is_number ? append_left(text, shown, column.width) : append_right(text, shown, column.width);
    }
    text.erase(std::max(start, text.find_last_not_of(' ') + 1));
    text += '\n';
}

void Table::add_as_record(Record const &row, std::string &text) {
    Record record;
    for (Column &column : m_columns) {
        Value const *const value = cell(column, row);
        record.push_back({column.key, column.label, value == nullptr ? Value() : *value});
    }
    text += (m_is_empty ? "" : "\n") + record_text(record, m_reader);
    m_is_empty = false;
}

std::vector<std::string> Table::notes() const {
    std::string names;
    for (Column const &column : m_columns) {
        names += column.left_out ? (names.empty() ? "" : ", ") + column.label : "";
    }
    if (names.empty()) {
        return {};
    }
    return {"columns that do not fit: " + names + " (-o csv shows all)"};
}

}  // namespace relay::cli
