#include "cli/input/permission_list.hpp"

#include "cli/json/json.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace relay::cli {

namespace {

/// Reads the elements of one array of texts; none if it is malformed, nested, or has a null.
std::optional<std::vector<std::string>> read_postgres_array(std::string_view text) {
    std::vector<std::string> elements;
    text = text.substr(1, text.size() - 2);
    while (!text.empty()) {
        std::string element;
        bool const quoted = text.front() == '"';
        std::size_t at = quoted ? 1 : 0;
        for (; at < text.size() && text[at] != (quoted ? '"' : ','); ++at) {
            if (text[at] == '\\' && at + 1 < text.size()) {
                ++at;
            } else if (!quoted && std::string_view("{}\"").find(text[at]) != std::string_view::npos) {
                return std::nullopt;
            }
            element += text[at];
        }
        at += quoted ? 1U : 0U;
        if (at > text.size() || (at < text.size() && text[at] != ',') ||
            (!quoted && (element.empty() || element == "NULL"))) {
            return std::nullopt;
        }
        elements.push_back(std::move(element));
        if (at + 1 == text.size()) {
            return std::nullopt;  // a comma at the end
        }
        text.remove_prefix(std::min(at + 1, text.size()));
    }
    return elements;
}

std::vector<std::string> split(std::string const &text) {
    std::vector<std::string> parts;
    constexpr std::string_view between = ",; \t";
    for (std::size_t at = text.find_first_not_of(between); at != text.npos;) {
        std::size_t const end = std::min(text.find_first_of(between, at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = text.find_first_not_of(between, end);
    }
    return parts;
}

}  // namespace

std::vector<std::string> read_permission_list(std::string const &text) {
    if (text == "null") {  // of JSON
        return {};
    }
    if (text.front() != '[' && text.front() != '{') {
        return split(text);
    }
    if (auto texts = read_json_texts(text)) {
        return *std::move(texts);
    }
    auto const object = read_json_object(text);
    bool const is_array = !object && text.front() == '{' && text.back() == '}';
    auto elements = is_array ? read_postgres_array(text) : std::nullopt;
    if (object && object->empty()) {
        return {};
    }
    if (!elements) {
        throw Error(ErrorKind::usage, "its permissions are not a JSON array of texts, nor an array of PostgreSQL");
    }
    return *std::move(elements);
}

}  // namespace relay::cli
