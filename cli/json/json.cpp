#include "cli/json/json.hpp"

#include "relay/model/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace relay::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Parses JSON. The library parses without recursion but writes with it, so values that are too deep are dropped while
/// they are parsed. Puts into `twice` the names that two members of the outermost object have.
std::optional<Json> read(std::string_view text, std::set<std::string> *twice, bool &too_deep) {
    too_deep = false;
    if (text.find('\0') != text.npos) {  // JSON has none, and the library takes it for the end of the text
        return std::nullopt;
    }
    std::set<std::string> names;
    Json json = Json::parse(
        text,
        [&](int depth, Json::parse_event_t event, Json &value) {
            if (twice != nullptr && depth == 1 && event == Json::parse_event_t::key &&
                !names.insert(value.get<std::string>()).second) {
                twice->insert(value.get<std::string>());
            }
            too_deep = too_deep || depth > most_json_levels;
            return depth <= most_json_levels;
        },
        false);
    return too_deep || json.is_discarded() ? std::nullopt : std::optional(std::move(json));
}

std::optional<Json> read(std::string_view text, std::set<std::string> *twice = nullptr) {
    bool too_deep = false;
    return read(text, twice, too_deep);
}

/// Sets the blanks between the tokens of well-formed JSON. The tokens stay as they are: a number that is read and written
/// is another one (2.50, or one with 20 digits).
class Layout {
  public:
    Layout(std::string_view text, bool indented) : m_rest(text), m_indented(indented) { m_out.reserve(text.size()); }

    std::string run() && {
        for (skip_blanks(); !m_rest.empty(); skip_blanks()) {
            std::string_view const token = take(token_size());
            if (token == "{" || token == "[") {
                open(token);
            } else if (token == "}" || token == "]") {
                --m_depth;
                end_line();
                m_out += token;
            } else {
                m_out += token;
                separate(token);
            }
        }
        return std::move(m_out);
    }

  private:
    static constexpr std::string_view blanks = " \t\r\n";

    std::string_view take(std::size_t size) {
        std::string_view const front = m_rest.substr(0, size);
        m_rest.remove_prefix(front.size());
        return front;
    }

    void skip_blanks() { take(std::min(m_rest.find_first_not_of(blanks), m_rest.size())); }

    std::size_t token_size() const {
        if (m_rest.front() != '"') {
            return std::max<std::size_t>(m_rest.find_first_of(",:{}[]\" \t\r\n"), 1);
        }
        std::size_t end = 1;
        while (end < m_rest.size() && m_rest[end] != '"') {
            end += m_rest[end] == '\\' ? 2U : 1U;
        }
        return end + 1;
    }

    void open(std::string_view bracket) {
        m_out += bracket;
        skip_blanks();
        if (m_rest.starts_with('}') || m_rest.starts_with(']')) {
            m_out += take(1);
            return;
        }
        ++m_depth;
        end_line();
    }

    void separate(std::string_view token) {
        if (token == ",") {
            end_line();
        } else if (token == ":" && m_indented) {
            m_out += ' ';
        }
    }

    void end_line() {
        if (m_indented) {
            m_out += '\n' + std::string(2 * m_depth, ' ');
        }
    }

    std::string_view m_rest;
    bool m_indented;
    std::size_t m_depth = 0;
    std::string m_out{};
};

/// Writes JSON. A UTF-8 database never sends malformed bytes; if they come from elsewhere, they are replaced, because
/// an exception would hide the rest.
std::string write(Json const &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

JsonMember member_of(Json const &value) {
    if (value.is_string()) {
        return {.kind = JsonMember::Kind::text, .text = value.get<std::string>()};
    }
    if (value.is_boolean()) {
        return {.kind = JsonMember::Kind::boolean, .truth = value.get<bool>()};
    }
    if (value.is_number()) {
        return {.kind = JsonMember::Kind::number, .text = write(value)};
    }
    return value.is_structured() ? JsonMember{.kind = JsonMember::Kind::structured, .text = write(value)}
                                 : JsonMember{};
}

}  // namespace

std::optional<JsonObject> read_json_object(std::string_view text) {
    std::set<std::string> twice;
    auto const json = read(text, &twice);
    if (!json || !json->is_object()) {
        return std::nullopt;
    }
    JsonObject object;
    for (auto const &[name, value] : json->items()) {
        object[name] = member_of(value);
    }
    for (std::string const &name : twice) {
        object[name].kind = JsonMember::Kind::twice;
    }
    return object;
}

std::string json_object_fault(std::string_view text) {
    bool too_deep = false;
    read(text, nullptr, too_deep);
    return too_deep ? "it is nested deeper than " + std::to_string(most_json_levels) + " levels"
                    : "it is not a JSON object";
}

std::optional<std::vector<std::string>> read_json_texts(std::string_view text) {
    auto const json = read(text);
    if (!json || !json->is_array()) {
        return std::nullopt;
    }
    std::vector<std::string> texts;
    for (Json const &element : *json) {
        if (!element.is_string()) {
            return std::nullopt;
        }
        texts.push_back(element.get<std::string>());
    }
    return texts;
}

std::string json_string(std::string_view text) {
    if (is_printable_ascii(text) && text.find_first_of("\"\\") == text.npos) {
        std::string json;
        json.reserve(text.size() + 2);
        return json.append(1, '"').append(text).append(1, '"');
    }
    return write(Json(text));
}

std::optional<std::string> reformat_json(std::string_view text, bool indented) {
    return read(text) ? std::optional(Layout(text, indented).run()) : std::nullopt;
}

}  // namespace relay::cli
