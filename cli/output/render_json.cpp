#include "cli/output/render_json.hpp"

#include "cli/output/render.hpp"

#include "relay/model/text.hpp"
#include "relay/model/time.hpp"
#include "relay/version.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace relay::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr char const *schema_name = "relay-admin/v1";

Json to_json(Value const &value);

Json to_json(Record const &record) {
    Json object = Json::object();
    for (Field const &field : record) {
        if (!field.key.empty()) {
            object[field.key] = to_json(field.value);
        }
    }
    return object;
}

struct ToJson {
    Json operator()(std::monostate) const { return nullptr; }
    Json operator()(bool value) const { return value; }
    Json operator()(std::int64_t value) const { return value; }
    Json operator()(std::string const &value) const { return value; }
    Json operator()(Instant value) const { return format_instant(value); }
    Json operator()(std::vector<std::string> const &value) const { return value; }
    Json operator()(std::vector<std::int64_t> const &value) const { return value; }
    Json operator()(Phrase const &value) const { return plain_text(value); }
    Json operator()(JsonText const &value) const {
        Json parsed = Json::parse(value.text, nullptr, false);
        return parsed.is_discarded() ? Json(value.text) : parsed;
    }
    Json operator()(Record const &value) const { return to_json(value); }
    Json operator()(std::vector<Record> const &value) const {
        Json array = Json::array();
        for (Record const &record : value) {
            array.push_back(to_json(record));
        }
        return array;
    }
};

Json to_json(Value const &value) { return std::visit(ToJson(), static_cast<Value::variant const &>(value)); }

template <typename T>
Json or_null(std::optional<T> const &value) {
    return value ? Json(*value) : Json(nullptr);
}

Json or_null(std::string const &text) { return text.empty() ? Json(nullptr) : Json(text); }

Json meta(Document const &document) {
    return {
        {"request_id", or_null(document.request_id)},
        {"trace_id", or_null(document.trace_id)},
        {"at", document.at ? Json(format_instant(*document.at)) : Json(nullptr)},
        {"actor", or_null(document.actor)},
        {"db_role", or_null(document.db_role)},
        {"version", std::string(version())},
    };
}

/// \uXXXX for the code point of two or three bytes at `at`; all hostile ones are below U+10000.
std::string unicode_escape(char32_t code_point) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) {
        text += digits[(code_point >> shift) & 0xfu];
    }
    return text;
}

/// What nlohmann leaves raw but a terminal would obey. Such bytes stand only inside strings, so they may be replaced where they are.
std::string escape_hostile(std::string const &json) {
    std::string safe;
    safe.reserve(json.size());
    for (std::size_t at = 0; at < json.size();) {
        auto const byte = [&](std::size_t offset) { return static_cast<unsigned char>(json[at + offset]); };
        std::size_t const length = byte(0) < 0x80 ? 1 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
        char32_t code_point = 0;
        if (length == 1) {
            code_point = byte(0) == 0x7f ? 0x7f : 0;
        } else if (length == 2) {
            code_point = ((byte(0) & 0x1fu) << 6) | (byte(1) & 0x3fu);
        } else if (length == 3) {
            code_point = ((byte(0) & 0x0fu) << 12) | ((byte(1) & 0x3fu) << 6) | (byte(2) & 0x3fu);
        }
        bool const hostile = code_point != 0 && is_hostile_code_point(code_point);
        safe += hostile ? unicode_escape(code_point) : json.substr(at, length);
        at += length;
    }
    return safe;
}

std::string dump(Json const &json, bool indented = false) {
    // Malformed bytes cannot come from a UTF-8 database, but must not end in an exception if they do.
    return escape_hostile(json.dump(indented ? 2 : -1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

std::string item_kind(std::string const &kind) {
    return kind.size() > 4 && kind.ends_with("List") ? kind.substr(0, kind.size() - 4) : kind;
}

std::string value_json(Value const &value) { return dump(to_json(value)); }

std::string render_json(Document const &document, bool indented) {
    Json json = {
        {"schema", schema_name},
        {"kind", document.kind},
        {"changed", document.changed},
        {"dry_run", document.dry_run},
    };
    if (document.is_list) {
        json["items"] = to_json(document.items);
        json["next"] = or_null(document.next);
    } else {
        json["data"] = to_json(document.data);
    }
    json["warnings"] = document.warnings;
    json["meta"] = meta(document);
    return dump(json, indented) + '\n';
}

std::string render_jsonl(Document const &document) {
    std::string lines;
    auto const add = [&](Record const &record) {
        Json line = {{"kind", item_kind(document.kind)}};
        line.update(to_json(record));
        lines += dump(line) + '\n';
    };
    if (document.is_list) {
        std::for_each(document.items.begin(), document.items.end(), add);
    } else {
        add(document.data);
    }
    Json const summary = {
        {"kind", "Summary"},
        {"schema", schema_name},
        {"count", document.is_list ? document.items.size() : 1},
        {"changed", document.changed},
        {"dry_run", document.dry_run},
        {"next", or_null(document.next)},
        {"warnings", document.warnings},
        {"meta", meta(document)},
    };
    return lines + dump(summary) + '\n';
}

std::string error_json(Error const &error) {
    Hint const &hint = error.hint();
    Json const json = {
        {"schema", schema_name},
        {"kind", "Error"},
        {"error",
         {{"code", std::string(error_code_name(error.kind()))},
          {"exit", static_cast<int>(error.kind())},
          {"message", error.message()},
          {"why", or_null(hint.why)},
          {"next", or_null(hint.next)},
          {"suggestions", hint.suggestions},
          {"changed", std::string(changed_name(hint.changed))},
          {"retryable", error.kind() == ErrorKind::unavailable},
          {"sqlstate", or_null(hint.sqlstate)}}},
    };
    return dump(json) + '\n';
}

}  // namespace relay::cli
