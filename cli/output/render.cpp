#include "cli/output/render.hpp"

#include "cli/output/list_renderer.hpp"
#include "cli/output/render_json.hpp"
#include "relay/model/text.hpp"
#include "relay/model/time.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

struct ToText {
    std::string operator()(std::monostate) const { return ""; }
    std::string operator()(bool value) const { return value ? "yes" : "no"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(std::string const &value) const { return value; }
    std::string operator()(Instant value) const { return format_instant_seconds(value); }
    std::string operator()(std::vector<std::string> const &value) const {
        std::string text;
        for (std::string const &part : value) {
            text += (text.empty() ? "" : ", ") + part;
        }
        return text;
    }
    std::string operator()(std::vector<std::int64_t> const &value) const {
        std::vector<std::string> texts;
        std::transform(value.begin(), value.end(), std::back_inserter(texts),
                       [](std::int64_t number) { return std::to_string(number); });
        return (*this)(texts);
    }
    std::string operator()(Phrase const &value) const {
        std::string text;
        for (auto const &part : value) {
            text += std::visit(*this, part);
        }
        return text;
    }
    std::string operator()(JsonText const &value) const { return value_json(value); }
    std::string operator()(Record const &value) const { return value_json(value); }
    std::string operator()(std::vector<Record> const &value) const { return value_json(value); }
};

bool is_plain(Value const &value) {
    return !std::holds_alternative<Record>(value) && !std::holds_alternative<std::vector<Record>>(value);
}

bool is_empty_record(Value const &value) {
    auto const *const record = std::get_if<Record>(&value);
    return record != nullptr && record->empty();
}

bool is_simple_list(Value const &value) {
    return std::holds_alternative<std::vector<std::string>>(value) ||
           std::holds_alternative<std::vector<std::int64_t>>(value);
}

bool needs_no_quotes(std::string_view value) {
    return value.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,-") ==
           value.npos;
}

std::string env_value(Value const &value) {
    if (auto const *flag = std::get_if<bool>(&value)) {
        return *flag ? "true" : "false";
    }
    if (auto const *at = std::get_if<Instant>(&value)) {
        return format_instant(*at);
    }
    std::string text = plain_text(value);
    if (is_simple_list(value)) {
        std::erase(text, ' ');
    }
    return text;
}

/// Returns the id's line; empty if the record has no id.
std::string id_line(Record const &record, std::string const &id_key) {
    std::string text;
    for (Field const &field : record) {
        if (field.key == id_key && !std::holds_alternative<std::monostate>(field.value)) {
            text += escape_for_terminal(plain_text(field.value)) + '\n';
        }
    }
    return text;
}

void add_env(Record const &record, std::string &text, std::vector<std::string> &notes) {
    for (Field const &field : record) {
        if (field.key.empty()) {
            continue;
        }
        std::string name = field.key;
        std::transform(name.begin(), name.end(), name.begin(), [](char letter) {
            return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
        });
        std::string const value = env_value(field.value);
        if (is_empty_record(field.value)) {
            text += name + "=\n";
        } else if (is_plain(field.value) && needs_no_quotes(value)) {
            text += name + '=' + value + '\n';
        } else {
            notes.push_back(name + " is omitted: its value needs quotes, which programs read in different ways");
        }
    }
}

class IdList : public ListRenderer {
  public:
    std::string begin(Document const &first) override {
        m_id_key = first.id_key;
        return "";
    }
    void add(Record const &item, std::string &text) override { text += id_line(item, m_id_key); }

  private:
    std::string m_id_key{};
};

class EnvList : public ListRenderer {
  public:
    std::string begin(Document const &) override { return ""; }
    void add(Record const &item, std::string &text) override {
        text += m_is_empty ? "" : "\n";
        m_is_empty = false;
        std::vector<std::string> notes;
        add_env(item, text, notes);
        for (std::string &note : notes) {
            if (m_notes.size() < most_notes) {
                m_notes.push_back(std::move(note));
            }
        }
    }
    std::vector<std::string> notes() const override { return m_notes; }

  private:
    static constexpr std::size_t most_notes = 1000;

    bool m_is_empty = true;
    std::vector<std::string> m_notes{};
};

}  // namespace

std::string plain_text(Value const &value) { return std::visit(ToText(), static_cast<Value::variant const &>(value)); }

std::string render_ids(Document const &document) {
    IdList list;
    return document.is_list ? render_list(list, document).text : id_line(document.data, document.id_key);
}

Rendered render_env(Document const &document) {
    EnvList list;
    if (document.is_list) {
        return render_list(list, document);
    }
    Rendered rendered;
    add_env(document.data, rendered.text, rendered.notes);
    return rendered;
}

Rendered render(Document const &document, OutputFormat format, std::optional<Screen> const &screen,
                std::optional<DatabaseLabel> const &database) {
    switch (format) {
        case OutputFormat::json: return {.text = render_json(document, screen.has_value(), database)};
        case OutputFormat::jsonl: return {.text = render_jsonl(document, database)};
        case OutputFormat::csv: return {.text = render_csv(document)};
        case OutputFormat::id: return {.text = render_ids(document)};
        case OutputFormat::env: return render_env(document);
        case OutputFormat::table: break;
    }
    return screen ? render_screen(document, *screen) : Rendered{.text = render_table(document)};
}

Rendered render_list(ListRenderer &renderer, Document const &list, std::optional<DatabaseLabel> const &database) {
    Rendered rendered{.text = renderer.begin(list)};
    for (Record const &item : list.items) {
        renderer.add(item, rendered.text);
    }
    rendered.text += renderer.end(list, database);
    rendered.notes = renderer.notes();
    return rendered;
}

std::unique_ptr<ListRenderer> make_list_renderer(OutputFormat format, std::optional<Screen> const &screen) {
    switch (format) {
        case OutputFormat::json: return make_json_list(screen.has_value());
        case OutputFormat::jsonl: return make_json_lines();
        case OutputFormat::csv: return make_csv_list();
        case OutputFormat::id: return std::make_unique<IdList>();
        case OutputFormat::env: return std::make_unique<EnvList>();
        case OutputFormat::table: break;
    }
    return make_table(screen);
}

}  // namespace relay::cli
