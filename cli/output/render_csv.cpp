#include "cli/output/list_renderer.hpp"
#include "cli/output/render.hpp"
#include "cli/output/render_json.hpp"
#include "relay/model/escape.hpp"
#include "relay/model/time.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

/// An empty text is quoted, because an empty cell is null.
std::string quoted_if_needed(std::string const &text) {
    if (!text.empty() && text.find_first_of(",\"\r\n") == text.npos) {
        return text;
    }
    std::string quoted = "\"";
    for (char const letter : text) {
        quoted += letter == '"' ? "\"\"" : std::string(1, letter);
    }
    return quoted + '"';
}

/// Returns whether a spreadsheet would run the text; or would without the apostrophes before it, which defused adds.
bool is_dangerous(std::string_view text) {
    std::size_t const first = text.find_first_not_of('\'');
    return first != text.npos && std::string_view("=+-@\t\r").find(text[first]) != std::string_view::npos;
}

/// Returns whether there is nothing to escape, to defuse or to quote, as in most texts of a long list.
bool is_plain_cell(std::string_view text) {
    return !text.empty() && std::string_view("=+-@'").find(text.front()) == text.npos &&
           std::all_of(text.begin(), text.end(), [](char letter) {
               return letter >= ' ' && letter <= '~' && letter != ',' && letter != '"' && letter != '\\';
           });
}

std::string defused(std::string text) { return is_dangerous(text) ? '\'' + text : text; }

std::string cell(Value const &value) {
    if (auto const *text = std::get_if<std::string>(&value)) {
        return csv_cell(*text);
    }
    if (auto const *list = std::get_if<std::vector<std::string>>(&value)) {
        std::string joined;
        for (std::string const &part : *list) {
            joined += (joined.empty() ? "" : ",") + part;
        }
        return joined.empty() ? joined : csv_cell(joined);
    }
    if (auto const *numbers = std::get_if<std::vector<std::int64_t>>(&value)) {
        std::string joined;
        for (std::int64_t const number : *numbers) {
            joined += (joined.empty() ? "" : ",") + std::to_string(number);
        }
        return joined.empty() ? joined : quoted_if_needed(joined);
    }
    if (auto const *at = std::get_if<Instant>(&value)) {
        return format_instant(*at);
    }
    if (auto const *flag = std::get_if<bool>(&value)) {
        return *flag ? "true" : "false";
    }
    return std::holds_alternative<std::monostate>(value) ? "" : quoted_if_needed(plain_text(value));
}

std::string row(Record const &record) {
    std::string line;
    for (Field const &field : record) {
        if (!field.key.empty()) {
            line += cell(field.value) + ',';
        }
    }
    if (!line.empty()) {
        line.pop_back();
    }
    return line + '\n';
}

std::string header(Record const &record) {
    std::string line;
    for (Field const &field : record) {
        if (!field.key.empty()) {
            line += csv_cell(field.key) + ',';
        }
    }
    if (!line.empty()) {
        line.pop_back();
    }
    return line + '\n';
}

class CsvList : public ListRenderer {
  public:
    std::string begin(Document const &first) override {
        return header(first.columns.empty() && !first.items.empty() ? first.items.front() : first.columns);
    }
    void add(Record const &item, std::string &text) override { text += row(item); }
};

}  // namespace

std::string csv_cell(std::string const &text) {
    return is_plain_cell(text) ? text : quoted_if_needed(defused(escape_reversibly(text)));
}

std::string csv_text(std::string_view field) {
    return unescape(is_dangerous(field) && field.starts_with('\'') ? field.substr(1) : field);
}

std::string render_csv(Document const &document) {
    return document.is_list ? render_list(*make_csv_list(), document).text : header(document.data) + row(document.data);
}

std::unique_ptr<ListRenderer> make_csv_list() { return std::make_unique<CsvList>(); }

}  // namespace relay::cli
