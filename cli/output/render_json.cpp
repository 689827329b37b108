#include "cli/output/render_json.hpp"

#include "cli/json/json.hpp"
#include "cli/output/advice_text.hpp"
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

}  // namespace

std::string item_kind(std::string const &kind) {
    return kind.size() > 4 && kind.ends_with("List") ? kind.substr(0, kind.size() - 4) : kind;
}

std::string value_json(Value const &value) { return escape_invisible(to_json(value)); }

std::string render_json(Document const &document, bool indented, std::optional<DatabaseLabel> const &database) {
    Writer writer = object();
    writer.member("schema", json_of(schema_name))
        .member("kind", json_of(document.kind))
        .member("changed", json_of(document.changed))
        .member("dry_run", json_of(document.dry_run));
    if (document.is_list) {
        writer.member("items", json_list(document.items)).member("next", or_null(document.next));
        add_fields(writer, document.about_list);
    } else {
        writer.member("data", json_of(document.data));
    }
    writer.member("warnings", json_list(document.warnings)).member("meta", meta(document, database));
    std::string const json = std::move(writer).end();
    return finished(indented ? reformat_json(json, true).value_or(json) : json);
}

std::string render_jsonl(Document const &document, std::optional<DatabaseLabel> const &database) {
    std::string lines;
    auto const add = [&](Record const &record) {
        Writer line = object();
        bool const has_kind = std::any_of(record.begin(), record.end(), [](Field const &f) { return f.key == "kind"; });
        if (!has_kind) {
            line.member("kind", json_of(item_kind(document.kind)));
        }
        lines += finished(std::move(add_fields(line, record)).end());
    };
    if (document.is_list) {
        std::for_each(document.items.begin(), document.items.end(), add);
    } else {
        add(document.data);
    }
    auto const count = static_cast<std::int64_t>(document.is_list ? document.items.size() : 1);
    Writer summary = object();
    summary.member("kind", json_of(std::string_view("Summary")))
        .member("schema", json_of(schema_name))
        .member("count", json_of(count))
        .member("changed", json_of(document.changed))
        .member("dry_run", json_of(document.dry_run))
        .member("next", or_null(document.next))
        .member("warnings", json_list(document.warnings))
        .member("meta", meta(document, database));
    return lines + finished(std::move(summary).end());
}

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
