#include "cli/input/row_reader.hpp"

#include "cli/input/csv.hpp"
#include "cli/json/json.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

std::string trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    std::size_t const first = text.find_first_not_of(blanks);
    return first == text.npos ? std::string()
                              : std::string(text.substr(first, text.find_last_not_of(blanks) - first + 1));
}

void put(InputRow &row, std::string const &column, std::string_view text) {
    if (std::string value = trimmed(text); !value.empty()) {
        row.columns[column] = std::move(value);
    }
}

std::string theirs(ColumnMap const &map, std::string const &column) {
    auto const mapped = map.find(column);
    return mapped == map.end() ? column : mapped->second;
}

/// Returns for each field of the header which of our columns it is; empty if none.
std::vector<std::string> read_header(CsvReader::Record const &header, std::string const &name, ColumnMap const &map,
                                     std::vector<std::string> const &known, std::string const &required) {
    std::vector<std::string> columns(header.fields.size());
    for (std::string const &field : header.fields) {
        if (field.find('\r') != field.npos) {
            throw Error(ErrorKind::usage, name + " has a carriage return in its first line",
                        {.why = "its lines end with a carriage return only, so all of it is one line",
                         .next = "use LF or CR LF"});
        }
    }
    for (std::string const &column : known) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (trimmed(header.fields[i]) != theirs(map, column)) {
                continue;
            }
            if (std::find(columns.begin(), columns.end(), column) != columns.end()) {
                throw Error(ErrorKind::usage, name + " has two columns " + quote_for_message(theirs(map, column)));
            }
            columns[i] = column;
        }
    }
    auto const has = [&](std::string const &column) {
        return std::find(columns.begin(), columns.end(), column) != columns.end();
    };
    for (auto const &[column, mapped] : map) {
        if (!has(column)) {
            throw Error(ErrorKind::usage, "--map: " + name + " has no column " + quote_for_message(mapped));
        }
    }
    if (!has(required)) {
        throw Error(ErrorKind::usage, name + " has no column " + required + " in its first line",
                    {.next = "name the columns in the first line, or add --map " + required + "=THEIR-NAME"});
    }
    return columns;
}

void read_csv(TextSource &source, std::string const &name, ColumnMap const &map, std::vector<std::string> const &known,
              std::string const &required, std::function<void(InputRow)> const &take) {
    CsvReader reader(source);
    auto const header = reader.next();
    if (!header || !header->fault.empty()) {
        throw Error(ErrorKind::usage, name + " has no first line with column names");
    }
    std::vector<std::string> const columns = read_header(*header, name, map, known, required);
    while (auto record = reader.next()) {
        InputRow row{.line = record->line, .fault = record->fault};
        if (row.fault.empty() && record->fields.size() != columns.size()) {
            row.fault = "it has " + std::to_string(record->fields.size()) + " fields, but the first line has " +
                        std::to_string(columns.size());
        }
        for (std::size_t i = 0; row.fault.empty() && i < columns.size(); ++i) {
            if (!columns[i].empty()) {
                put(row, columns[i], record->fields[i]);
            }
        }
        take(std::move(row));
    }
}

/// Stores one member. An id must be a string: programs write numbers in different ways.
std::string put_json(InputRow &row, std::string const &column, JsonMember const &member) {
    switch (member.kind) {
        case JsonMember::Kind::null: break;
        case JsonMember::Kind::boolean: put(row, column, member.truth ? "true" : ""); break;
        case JsonMember::Kind::number: return column + " is a number, not a string";
        case JsonMember::Kind::text: put(row, column, member.text); break;
        case JsonMember::Kind::structured: row.columns[column] = member.text; break;
    }
    return {};
}

InputRow read_object(std::string_view line, ColumnMap const &map, std::vector<std::string> const &known) {
    InputRow row;
    auto const object = read_json_object(line);
    if (!object) {
        row.fault = "it is not a JSON object";
        return row;
    }
    for (std::string const &column : known) {
        if (auto const found = object->find(theirs(map, column)); found != object->end()) {
            row.fault = put_json(row, column, found->second);
            if (!row.fault.empty()) {
                row.columns.clear();
                return row;
            }
        }
    }
    return row;
}

/// Reads until a whole line is in memory, or as much as memory allows, and returns it; none at the end of the text.
std::optional<std::string_view> next_line(TextSource &source) {
    while (source.view().find('\n') == std::string_view::npos && source.read_on()) {}
    std::string_view const text = source.view();
    return text.empty() ? std::nullopt : std::optional(text.substr(0, text.find('\n')));
}

/// Skips the rest of a line that is longer than what fits in memory.
void skip_rest(TextSource &source) {
    for (bool ends = false; !ends && next_line(source);) {
        std::string_view const text = source.view();
        std::size_t const end = text.find('\n');
        ends = end != text.npos;
        source.take(ends ? end + 1 : text.size());
    }
}

void read_json_lines(TextSource &source, ColumnMap const &map, std::vector<std::string> const &known,
                     std::function<void(InputRow)> const &take) {
    for (std::size_t number = 1; auto const line = next_line(source); ++number) {
        bool const whole = line->size() < source.view().size() || source.ended();
        InputRow row;
        if (!whole) {
            row.fault = "longer than 256 KiB";
        } else if (!trimmed(*line).empty()) {
            row = is_clean_utf8(*line) ? read_object(*line, map, known) : InputRow{.fault = "it is not valid UTF-8"};
        }
        bool const blank = whole && trimmed(*line).empty();
        source.take(std::min(line->size() + 1, source.view().size()));
        if (!whole) {
            skip_rest(source);
        }
        if (!blank) {
            row.line = number;
            take(std::move(row));
        }
    }
}

}  // namespace

ColumnMap parse_column_map(std::vector<std::string> const &pairs, std::vector<std::string> const &known) {
    ColumnMap map;
    for (std::string const &pair : pairs) {
        std::size_t const equals = pair.find('=');
        std::string const column = pair.substr(0, equals);
        if (equals == pair.npos || equals + 1 == pair.size()) {
            throw Error(ErrorKind::usage, "--map " + quote_for_message(pair) + " is not COLUMN=THEIR-NAME",
                        {.next = "write it as in --map agent_id=id,name=display_name"});
        }
        if (std::find(known.begin(), known.end(), column) == known.end()) {
            throw Error(ErrorKind::usage, "--map: there is no column " + quote_for_message(column),
                        {.suggestions = closest(column, known)});
        }
        map[column] = pair.substr(equals + 1);
    }
    return map;
}

void read_rows(TextSource &source, std::string const &name, ColumnMap const &map, std::vector<std::string> const &known,
               std::string const &required, std::function<void(InputRow)> const &take) {
    constexpr std::string_view blanks = " \t\r\n";
    std::size_t first = source.view().npos;
    do {
        first = source.view().find_first_not_of(blanks);
    } while (first == source.view().npos && source.read_on());
    if (first != source.view().npos && source.view()[first] == '{') {
        read_json_lines(source, map, known, take);
    } else {
        read_csv(source, name, map, known, required, take);
    }
}

}  // namespace relay::cli
