#include "cli/output/list_renderer.hpp"
#include "cli/output/render.hpp"
#include "cli/output/render_json.hpp"
#include "relay/model/text.hpp"
#include "relay/model/time.hpp"

namespace relay::cli {

namespace {

/// Escapes all invisible characters except tab, carriage return and line feed, which quotes can contain.
std::string escape_all_but_lines(std::string_view text) {
    if (is_printable_ascii(text)) {
        return std::string(text);
    }
    std::string safe;
    while (!text.empty()) {
        std::size_t const end = std::min(text.find_first_of("\t\r\n"), text.size());
        safe += escape_for_terminal(text.substr(0, end));
        if (end < text.size()) {
            safe += text[end];
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return safe;
}

std::string quoted_if_needed(std::string const &text) {
    if (text.find_first_of(",\"\r\n") == text.npos) {
        return text;
    }
    std::string quoted = "\"";
    for (char const letter : text) {
        quoted += letter == '"' ? "\"\"" : std::string(1, letter);
    }
    return quoted + '"';
}

std::string defused(std::string text) {
    return !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos ? '\'' + text
                                                                                                      : text;
}

std::string cell(Value const &value) {
    if (auto const *text = std::get_if<std::string>(&value)) {
        return csv_cell(*text);
    }
    if (auto const *list = std::get_if<std::vector<std::string>>(&value)) {
        std::string joined;
        for (std::string const &part : *list) {
            joined += (joined.empty() ? "" : ",") + part;
        }
        return csv_cell(joined);
    }
    if (auto const *numbers = std::get_if<std::vector<std::int64_t>>(&value)) {
        std::string joined;
        for (std::int64_t const number : *numbers) {
            joined += (joined.empty() ? "" : ",") + std::to_string(number);
        }
        return quoted_if_needed(joined);
    }
    if (auto const *at = std::get_if<Instant>(&value)) {
        return format_instant(*at);
    }
    if (auto const *flag = std::get_if<bool>(&value)) {
        return *flag ? "true" : "false";
    }
    return quoted_if_needed(plain_text(value));
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

std::string csv_cell(std::string const &text) { return quoted_if_needed(defused(escape_all_but_lines(text))); }

std::string render_csv(Document const &document) {
    return document.is_list ? render_list(*make_csv_list(), document).text : header(document.data) + row(document.data);
}

std::unique_ptr<ListRenderer> make_csv_list() { return std::make_unique<CsvList>(); }

}  // namespace relay::cli
