#include "cli/output/relative_time.hpp"
#include "cli/output/render_table_parts.hpp"
#include "cli/output/table_fit.hpp"
#include "cli/output/text_table.hpp"
#include "cli/output/text_width.hpp"

#include <algorithm>
#include <numeric>

namespace relay::cli {

namespace {

/// A row's value for each column; null if the row has none.
using Cells = std::vector<Value const *>;

std::vector<Field const *> labelled(Record const &record) {
    std::vector<Field const *> fields;
    for (Field const &field : record) {
        if (!field.label.empty()) {
            fields.push_back(&field);
        }
    }
    return fields;
}

std::vector<Cells> rows_of(std::vector<Field const *> const &columns, std::vector<Record> const &items) {
    std::vector<Cells> rows;
    for (Record const &item : items) {
        Cells &row = rows.emplace_back(columns.size(), nullptr);
        for (Field const &field : item) {
            auto const at = std::find_if(columns.begin(), columns.end(),
                                         [&](Field const *column) { return column->key == field.key; });
            if (at != columns.end()) {
                row[static_cast<std::size_t>(at - columns.begin())] = &field.value;
            }
        }
    }
    return rows;
}

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

bool is_number(Value const *value) {
    return value == nullptr || std::holds_alternative<std::int64_t>(*value) ||
           std::holds_alternative<std::monostate>(*value);
}

ColumnNeed need_of(Field const &column, std::size_t place, std::vector<Cells> const &rows, Reader const &reader) {
    ColumnNeed need{.header = display_width(column.label), .empty = true, .room = column.room};
    need.widths.fill(need.header);
    for (Cells const &row : rows) {
        for (TimeForm const form : time_forms) {
            std::size_t const width = display_width(cell_text(row[place], form, reader));
            need.empty = need.empty && width == 0;
            std::size_t &most = need.widths[static_cast<std::size_t>(form)];
            most = std::max(most, width);
        }
    }
    return need;
}

/// Returns the list, with the columns and widths that `fit` gives.
std::string table_text(std::vector<Field const *> const &columns, std::vector<Cells> const &rows, TableFit const &fit,
                       Reader const &reader) {
    TextTable table;
    for (std::size_t i = 0; i < fit.shown.size(); ++i) {
        std::size_t const place = fit.shown[i];
        table.add_column(columns[place]->label);
        if (!rows.empty() &&
            std::all_of(rows.begin(), rows.end(), [&](Cells const &row) { return is_number(row[place]); })) {
            table.align_right(i);
        }
    }
    for (Cells const &row : rows) {
        std::vector<std::string> cells;
        for (std::size_t i = 0; i < fit.shown.size(); ++i) {
            std::string text = cell_text(row[fit.shown[i]], fit.form, reader);
            cells.push_back(fit.widths.empty() ? std::move(text) : cut_to_width(text, fit.widths[i]));
        }
        table.add_row(std::move(cells));
    }
    return table.str();
}

std::string one_below_the_other(std::vector<Field const *> const &columns, std::vector<Cells> const &rows,
                                Reader const &reader) {
    std::string text;
    for (Cells const &row : rows) {
        Record record;
        for (std::size_t i = 0; i < columns.size(); ++i) {
            record.push_back({columns[i]->key, columns[i]->label, row[i] == nullptr ? Value() : *row[i]});
        }
        text += (text.empty() ? "" : "\n") + record_text(record, reader);
    }
    return text;
}

}  // namespace

ListText list_text(Record const &columns, std::vector<Record> const &items, Reader const &reader) {
    std::vector<Field const *> const fields = labelled(columns);
    std::vector<Cells> const rows = rows_of(fields, items);
    if (!reader.columns) {
        TableFit all;
        all.shown.resize(fields.size());
        std::iota(all.shown.begin(), all.shown.end(), std::size_t{0});
        return {.text = table_text(fields, rows, all, reader)};
    }
    std::vector<ColumnNeed> needs;
    for (std::size_t place = 0; place < fields.size(); ++place) {
        needs.push_back(need_of(*fields[place], place, rows, reader));
    }
    std::optional<TableFit> const fit = fit_table(needs, *reader.columns);
    if (!fit) {
        return {.text = one_below_the_other(fields, rows, reader)};
    }
    ListText list{.text = table_text(fields, rows, *fit, reader)};
    for (std::size_t const place : fit->left_out) {
        list.left_out.push_back(fields[place]->label);
    }
    return list;
}

}  // namespace relay::cli
