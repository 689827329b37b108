#include "cli/output/render_json.hpp"

#include "cli/json/json.hpp"
#include "cli/output/advice_text.hpp"
#include "cli/output/list_renderer.hpp"
#include "cli/output/render.hpp"
#include "relay/model/text.hpp"
#include "relay/model/time.hpp"
#include "relay/model/unicode.hpp"
#include "relay/version.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::string_view schema_name = "relay-admin/v1";

/// Writes an object or a list, on one line.
class Writer {
  public:
    Writer(char open, char close) : m_text(1, open), m_close(close) {}
    Writer &add(std::string_view json) {
        m_text += m_text.size() > 1 ? "," : "";
        m_text += json;
        return *this;
    }
    Writer &member(std::string_view name, std::string_view json) { return add(json_string(name) + ':').append(json); }
    std::string end() && { return std::move(m_text) + m_close; }

  private:
    Writer &append(std::string_view json) {
        m_text += json;
        return *this;
    }
    std::string m_text;
    char m_close;
};

Writer object() { return Writer('{', '}'); }
Writer list() { return Writer('[', ']'); }

std::string to_json(Value const &value);
std::string json_of(Record const &record);

std::string json_of(std::string const &text) { return json_string(text); }
std::string json_of(std::string_view text) { return json_string(text); }
std::string json_of(std::int64_t number) { return std::to_string(number); }
std::string json_of(bool value) { return value ? "true" : "false"; }

std::string or_null(std::optional<std::string> const &text) { return text ? json_of(*text) : "null"; }
std::string null_if_empty(std::string const &text) { return text.empty() ? "null" : json_of(text); }

template <typename T>
std::string json_list(std::vector<T> const &values) {
    Writer writer = list();
    for (T const &value : values) {
        writer.add(json_of(value));
    }
    return std::move(writer).end();
}

Writer &add_fields(Writer &writer, Record const &record) {
    for (Field const &field : record) {
        if (!field.key.empty()) {
            writer.member(field.key, to_json(field.value));
        }
    }
    return writer;
}

std::string json_of(Record const &record) {
    Writer writer = object();
    return std::move(add_fields(writer, record)).end();
}

struct ToJson {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(Instant value) const { return json_of(format_instant(value)); }
    std::string operator()(std::vector<std::string> const &value) const { return json_list(value); }
    std::string operator()(std::vector<std::int64_t> const &value) const { return json_list(value); }
    std::string operator()(std::vector<Record> const &value) const { return json_list(value); }
    std::string operator()(Phrase const &value) const { return json_of(plain_text(value)); }
    std::string operator()(JsonText const &value) const {
        return reformat_json(value.text, false).value_or(json_of(value.text));
    }
    template <typename T>
    std::string operator()(T const &value) const {
        return json_of(value);
    }
};

std::string to_json(Value const &value) { return std::visit(ToJson(), static_cast<Value::variant const &>(value)); }

std::string label_json(std::optional<DatabaseLabel> const &database) {
    if (!database) {
        return "null";
    }
    Writer writer = object();
    writer.member("name", or_null(database->name)).member("production", json_of(database->production));
    return std::move(writer).end();
}

std::string meta(Document const &document, std::optional<DatabaseLabel> const &database) {
    Writer writer = object();
    writer.member("request_id", or_null(document.request_id))
        .member("trace_id", or_null(document.trace_id))
        .member("at", document.at ? json_of(format_instant(*document.at)) : "null")
        .member("actor", or_null(document.actor))
        .member("db_role", or_null(document.db_role))
        .member("database", label_json(database))
        .member("version", json_of(version()));
    return std::move(writer).end();
}

/// Returns \uXXXX.
std::string unit_escape(char32_t unit) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = "\\u";
    for (unsigned shift = 16; shift > 0;) {
        shift -= 4;
        text += digits[(unit >> shift) & 0xfU];
    }
    return text;
}

/// Returns the code point as \uXXXX, or as a surrogate pair.
std::string unicode_escape(char32_t code_point) {
    if (code_point < 0x10000) {
        return unit_escape(code_point);
    }
    char32_t const rest = code_point - 0x10000;
    return unit_escape(0xd800 + (rest >> 10U)) + unit_escape(0xdc00 + (rest & 0x3ffU));
}

/// Escapes characters that JSON allows raw, but that people cannot see or that a terminal would obey. They occur only
/// inside strings, so they can be replaced in place. C0 is escaped already, except line ends between values.
std::string escape_invisible(std::string const &json) {
    if (is_printable_ascii(json)) {
        return json;
    }
    std::string safe;
    safe.reserve(json.size());
    for (std::size_t at = 0; at < json.size();) {
        DecodedCodePoint const point = decode_utf8(json, at);
        bool const escapes = point.value >= 0x7f && is_invisible(point.value);
        safe += escapes ? unicode_escape(point.value) : json.substr(at, point.length);
        at += point.length;
    }
    return safe;
}

/// Returns finished JSON as one line, safe for a terminal.
std::string finished(std::string const &json) { return escape_invisible(json) + '\n'; }

/// Returns the document, with `items` if it is a list.
std::string document_json(Document const &document, std::string_view items,
                          std::optional<DatabaseLabel> const &database) {
    Writer writer = object();
    writer.member("schema", json_of(schema_name))
        .member("kind", json_of(document.kind))
        .member("changed", json_of(document.changed))
        .member("dry_run", json_of(document.dry_run));
    if (document.is_list) {
        writer.member("items", items).member("next", or_null(document.next));
        add_fields(writer, document.about_list);
        add_fields(writer, document.totals);
    } else {
        writer.member("data", json_of(document.data));
    }
    writer.member("warnings", json_list(document.warnings)).member("meta", meta(document, database));
    return std::move(writer).end();
}

std::string indented_json(std::string const &json) { return reformat_json(json, true).value_or(json); }

/// Writes the document of an empty list, and the items into its middle. A reader of half a document sees that the end is
/// missing.
class JsonList : public ListRenderer {
  public:
    explicit JsonList(bool indented) : m_indented(indented) {}

    std::string begin(Document const &first) override {
        auto const [before, after] = around_items(first, {});
        return escape_invisible(before);
    }

    void add(Record const &item, std::string &text) override {
        std::string const json = json_of(item);
        text += m_is_empty ? "" : ",";
        m_is_empty = false;
        text += escape_invisible(m_indented ? one_level_in(indented_json(json)) : json);
    }

    std::string end(Document const &list, std::optional<DatabaseLabel> const &database) override {
        auto const [before, after] = around_items(list, database);
        return (m_indented && !m_is_empty ? "\n  " : "") + finished(after);
    }

  private:
    std::pair<std::string, std::string> around_items(Document const &list,
                                                     std::optional<DatabaseLabel> const &database) const {
        std::string const json = document_json(list, "[]", database);
        std::string const text = m_indented ? indented_json(json) : json;
        std::string_view const empty = m_indented ? "\"items\": []" : "\"items\":[]";
        std::size_t const middle = text.find(empty) + empty.size() - 1;
        return {text.substr(0, middle), text.substr(middle)};
    }

    /// Returns the lines of an item as they are inside the document.
    static std::string one_level_in(std::string const &lines) {
        std::string text = "\n    ";
        for (char const letter : lines) {
            text += letter == '\n' ? "\n    " : std::string(1, letter);
        }
        return text;
    }

    bool m_indented;
    bool m_is_empty = true;
};

/// Returns one line for a record of the document.
std::string line_of(Record const &record, std::string const &kind) {
    Writer line = object();
    bool const has_kind = std::any_of(record.begin(), record.end(), [](Field const &f) { return f.key == "kind"; });
    if (!has_kind) {
        line.member("kind", json_of(item_kind(kind)));
    }
    return finished(std::move(add_fields(line, record)).end());
}

std::string summary_line(Document const &document, std::int64_t count, std::optional<DatabaseLabel> const &database) {
    Writer summary = object();
    summary.member("kind", json_of(std::string_view("Summary")))
        .member("schema", json_of(schema_name))
        .member("count", json_of(count))
        .member("changed", json_of(document.changed))
        .member("dry_run", json_of(document.dry_run))
        .member("next", or_null(document.next));
    add_fields(summary, document.totals);
    summary.member("warnings", json_list(document.warnings)).member("meta", meta(document, database));
    return finished(std::move(summary).end());
}

class JsonLines : public ListRenderer {
  public:
    std::string begin(Document const &first) override {
        m_kind = first.kind;
        return "";
    }
    void add(Record const &item, std::string &text) override {
        text += line_of(item, m_kind);
        ++m_count;
    }
    void add_line(std::string_view line, std::string &text) override {
        text += line;
        ++m_count;
    }
    std::string end(Document const &list, std::optional<DatabaseLabel> const &database) override {
        return summary_line(list, m_count, database);
    }

  private:
    std::string m_kind{};
    std::int64_t m_count = 0;
};

}  // namespace

std::string item_kind(std::string const &kind) {
    return kind.size() > 4 && kind.ends_with("List") ? kind.substr(0, kind.size() - 4) : kind;
}

std::string value_json(Value const &value) { return escape_invisible(to_json(value)); }

std::string render_json(Document const &document, bool indented, std::optional<DatabaseLabel> const &database) {
    if (document.is_list) {
        return render_list(*make_json_list(indented), document, database).text;
    }
    std::string const json = document_json(document, "", database);
    return finished(indented ? indented_json(json) : json);
}

std::string render_jsonl(Document const &document, std::optional<DatabaseLabel> const &database) {
    return document.is_list ? render_list(*make_json_lines(), document, database).text
                            : line_of(document.data, document.kind) + summary_line(document, 1, database);
}

std::unique_ptr<ListRenderer> make_json_list(bool indented) { return std::make_unique<JsonList>(indented); }

std::unique_ptr<ListRenderer> make_json_lines() { return std::make_unique<JsonLines>(); }

std::string error_json(Error const &error, Globals const &globals) {
    Hint const &hint = error.hint();
    Writer inner = object();
    inner.member("code", json_of(text_of(error.kind())))
        .member("exit", json_of(static_cast<std::int64_t>(error.kind())))
        .member("message", json_of(error.message()))
        .member("why", null_if_empty(hint.why))
        .member("next", null_if_empty(first_advice(hint.next, globals)))
        .member("suggestions", json_list(hint.suggestions))
        .member("changed", json_of(text_of(hint.changed)))
        .member("retryable", json_of(error.kind() == ErrorKind::unavailable))
        .member("sqlstate", null_if_empty(hint.sqlstate));
    Writer outer = object();
    outer.member("schema", json_of(schema_name))
        .member("kind", json_of(std::string_view("Error")))
        .member("error", std::move(inner).end());
    return finished(std::move(outer).end());
}

}  // namespace relay::cli
