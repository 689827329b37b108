#include "cli/input/csv_rows.hpp"

#include "cli/input/blanks.hpp"
#include "cli/input/csv.hpp"
#include "relay/model/column_names.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <optional>

namespace relay::cli {

namespace {

constexpr std::string_view separators = ",;\t|";

std::string separator_name(char separator) {
    switch (separator) {
        case ',': return "commas";
        case ';': return "semicolons";
        case '\t': return "tabs";
        default: return std::string("the character ") + separator;
    }
}

std::vector<std::string> trim_all(std::vector<std::string> fields) {
    for (std::string &field : fields) {
        field = trimmed(field);
    }
    return fields;
}

/// Where a header begins, and what separates its fields.
struct Beginning {
    std::size_t line = 1;
    char separator = ',';
};

/// Returns the separator that a line `sep=;` names, as Excel writes it.
std::optional<char> named_separator(std::string_view line) {
    std::string const text =
        lower_case(line.starts_with('"') && line.ends_with('"') ? line.substr(1, line.size() - 2) : line);
    return text.size() == 5 && text.starts_with("sep=") ? std::optional(text.back()) : std::nullopt;
}

/// Takes what precedes the header. A comment that has the required column is the header.
Beginning skip_to_header(TextSource &source, std::string const &column) {
    Beginning begin;
    std::optional<char> named;
    for (std::size_t size = load_line(source); size != std::string_view::npos; size = load_line(source)) {
        std::string_view const text = source.view().substr(0, size);
        std::string_view const line = trimmed(text);
        bool const tab_named =
            lower_case(text.substr(0, 4)) == "sep=" && line.size() == 4 && text.find('\t') != text.npos;
        if (tab_named || named_separator(line)) {
            named = tab_named ? '\t' : *named_separator(line);
        } else if (line.starts_with('#')) {
            std::string_view const said = line.substr(1);
            if (has_column(csv_fields(said, named.value_or(header_separator(said, column))), column)) {
                source.take(text.find('#') + 1);
                begin.separator = named.value_or(header_separator(said, column));
                return begin;
            }
        } else if (!line.empty()) {
            begin.separator = named.value_or(header_separator(line, column));
            return begin;
        }
        source.take(std::min(size + 1, source.view().size()));
        ++begin.line;
    }
    return begin;
}

Error no_column(std::string const &name, std::string const &column, std::vector<std::string> const &found,
                char separator) {
    return {ErrorKind::usage,
            name + " has no column " + column + " in its first line",
            {.why = "its columns, separated by " + separator_name(separator) + ", are " + listed_names(found),
             .next = "name the columns in the first line, or add --map " + column + "=THEIR-NAME"}};
}

/// Returns for each field of the header which of our columns it is; empty if none.
std::vector<std::string> read_header(std::vector<std::string> const &header, char separator, std::string const &name,
                                     WantedColumns const &wanted) {
    for (std::string const &field : header) {
        if (std::string const fault = encoding_fault(field); !fault.empty()) {
            throw Error(ErrorKind::usage, name + " has a malformed first line: column " + quote_for_message(field),
                        {.why = fault});
        }
    }
    std::vector<std::string> columns(header.size());
    for (std::string const &column : wanted.known) {
        std::string const &theirs = wanted.theirs(column);
        auto const found = theirs.empty() ? std::nullopt : find_column(header, theirs);
        if (found && columns[*found].empty()) {
            columns[*found] = column;
        } else if (found) {
            throw Error(ErrorKind::usage, "--map: column " + quote_for_message(theirs) + " cannot be both " +
                                              columns[*found] + " and " + column);
        } else if (wanted.map.count(column) > 0 && !theirs.empty()) {
            throw Error(ErrorKind::usage, "--map: " + name + " has no column " + quote_for_message(theirs),
                        {.why = "its columns are " + listed_names(header)});
        } else if (column == wanted.required) {
            throw no_column(name, column, header, separator);
        }
    }
    for (std::size_t i = 0; i < header.size(); ++i) {
        columns[i] = columns[i].empty() && wanted.takes(header[i]) ? header[i] : columns[i];
    }
    return columns;
}

/// Makes a row of the fields of our columns.
InputRow make_row(CsvReader::Record const &record, std::vector<std::string> const &columns, std::size_t named) {
    InputRow row{.line = record.line, .fault = record.fault};
    std::size_t const size = record.fields.size();
    bool const too_long =
        size > columns.size() && std::any_of(record.fields.begin() + static_cast<std::ptrdiff_t>(columns.size()),
                                             record.fields.end(), [](auto const &field) { return !is_blank(field); });
    if (row.fault.empty() && (size < named || too_long)) {
        row.fault = "it has " + counted(size, "field") + ", but the first line has " + std::to_string(columns.size());
    }
    for (std::size_t i = 0; row.fault.empty() && i < std::min(columns.size(), size); ++i) {
        if (columns[i].empty()) {
            continue;
        }
        if (std::string const fault = encoding_fault(record.fields[i]); !fault.empty()) {
            row = {.line = record.line, .fault = "its " + columns[i] + " is malformed: " + fault};
        } else {
            put_column(row, columns[i], record.fields[i]);
        }
    }
    return row;
}

}  // namespace

std::vector<std::string> csv_fields(std::string_view line, char separator) {
    TextSource source = TextSource::of(line);
    CsvReader reader(source, separator);
    auto record = reader.next();
    return record && record->fault.empty() ? trim_all(std::move(record->fields)) : std::vector<std::string>();
}

char header_separator(std::string_view header, std::string_view column) {
    char best = ',';
    std::pair<bool, std::size_t> most{false, 1};
    for (char const separator : separators) {
        std::vector<std::string> const fields = csv_fields(header, separator);
        std::pair const rank{has_column(fields, column), fields.size()};
        if (rank > most) {
            most = rank;
            best = separator;
        }
    }
    return best;
}

void read_csv_rows(TextSource &source, std::string const &name, WantedColumns const &wanted, TakeRow const &take) {
    Beginning const begin = skip_to_header(source, wanted.theirs(wanted.required));
    CsvReader reader(source, begin.separator, begin.line);
    auto const first = reader.next();
    if (!first || !first->fault.empty()) {
        throw Error(ErrorKind::usage, name + " has no first line with column names",
                    {.why = first ? first->fault : "it is empty"});
    }
    std::vector<std::string> const header = trim_all(first->fields);
    std::vector<std::string> const columns = read_header(header, begin.separator, name, wanted);
    auto const last = std::find_if(header.rbegin(), header.rend(), [](auto const &field) { return !field.empty(); });
    auto const named = static_cast<std::size_t>(header.rend() - last);
    while (auto record = reader.next()) {
        bool const is_empty =
            record->fault.empty() && std::all_of(record->fields.begin(), record->fields.end(), is_blank);
        bool const is_header = record->fault.empty() && trim_all(record->fields) == header;  // of files put together
        if (!is_empty && !is_header) {
            take(make_row(*record, columns, named));
        }
    }
}

}  // namespace relay::cli
