#include "cli/input/id_list.hpp"

#include "cli/input/blanks.hpp"
#include "cli/input/csv_rows.hpp"
#include "cli/input/json_rows.hpp"
#include "cli/json/json.hpp"
#include "relay/model/column_names.hpp"
#include "relay/model/error.hpp"
#include "relay/model/ids.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr auto column = "agent_id";

using TakeId = std::function<void(std::size_t, std::string const &)>;

Error bad_line(std::string const &name, std::size_t line, std::string const &fault, Advice next = {}) {
    return {ErrorKind::usage, name + ", line " + std::to_string(line) + ": " + fault, {.next = std::move(next)}};
}

/// Returns the line that is in memory at the start of the source; none at the end.
std::optional<std::string_view> first_line(TextSource &source) {
    std::size_t const size = load_line(source);
    return size == std::string_view::npos ? std::nullopt : std::optional(source.view().substr(0, size));
}

void take_line(TextSource &source, std::string_view line) {
    source.take(std::min(line.size() + 1, source.view().size()));
}

bool is_ignored(std::string_view line) { return is_blank(line) || trimmed(line).starts_with('#'); }

bool is_id(std::string_view text) {
    try {
        AgentId::parse(text);
        return true;
    } catch (Error const &) {
        return false;
    }
}

bool is_header(std::string_view line) {
    if (is_id(line)) {
        return false;
    }
    auto const fields = csv_fields(line, header_separator(line, column));
    return lower_case(line.substr(0, 4)) == "sep=" || std::any_of(fields.begin(), fields.end(), [](auto const &field) {
               return folded_name(field) == folded_name(column);
           });
}

void read_table(TextSource &source, std::string const &name, std::size_t skipped, TakeId const &take) {
    read_rows(source, name, {}, {column}, column, [&](InputRow const &row) {
        auto const id = row.columns.find(column);
        if (!row.fault.empty() || id == row.columns.end()) {
            throw bad_line(name, row.line + skipped, row.fault.empty() ? "it has no agent_id" : row.fault);
        }
        take(row.line + skipped, id->second);
    });
}

void read_texts(TextSource &source, std::string const &name, TakeId const &take) {
    read_json_values(source, [&](std::size_t line, std::string_view json, std::string const &fault) {
        auto const texts = read_json_texts('[' + std::string(json) + ']');
        if (!fault.empty() || !texts || texts->size() != 1) {
            throw bad_line(name, line, fault.empty() ? "it is not a text" : fault);
        }
        take(line, texts->front());
    });
}

/// Returns the id of a line, which may be a quoted field, or have separators after it.
std::string only_field(std::string_view line, std::string const &name, std::size_t number) {
    auto fields = csv_fields(line, header_separator(line, {}));
    while (fields.size() > 1 && fields.back().empty()) {
        fields.pop_back();
    }
    if (fields.size() > 1) {
        throw bad_line(name, number,
                       "it has " + std::to_string(fields.size()) + " fields, but no header says which is the id",
                       "name the columns in the first line, one of them agent_id");
    }
    return fields.empty() ? std::string(line) : fields.front();
}

}  // namespace

void read_id_list(TextSource &source, std::string const &name, TakeId const &take) {
    std::size_t number = 1;
    auto line = first_line(source);
    for (; line && is_ignored(*line); line = first_line(source), ++number) {
        take_line(source, *line);
    }
    std::string_view const begun = line ? trimmed(*line) : std::string_view();
    if (begun.starts_with('[') && trimmed(trimmed(source.view()).substr(1)).starts_with('"')) {
        return read_texts(source, name, take);
    }
    if (begun.starts_with('[') || begun.starts_with('{') || is_header(begun)) {
        return read_table(source, name, number - 1, take);
    }
    for (; line; line = first_line(source), ++number) {
        if (line->size() == source.view().size() && !source.ended()) {
            throw bad_line(name, number, "longer than 256 KiB");
        }
        if (!is_ignored(*line)) {
            take(number, only_field(trimmed(*line), name, number));
        }
        take_line(source, *line);
    }
}

}  // namespace relay::cli
